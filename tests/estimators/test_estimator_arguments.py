"""Arguments of estimators that make no sense are named."""

import math

import pytest

from kelbo.estimators import GumbelSoftmax, LearnedBaseline, Rebar
from kelbo.schedules import ExponentialDecay, LinearWarmUp

pytestmark = pytest.mark.core

BAD = {
    "no number": (lambda: Rebar("a"), "Rebar: temperature must be .* greater than 0, got 'a'"),
    "zero": (lambda: Rebar(0.0), "Rebar: temperature must be .* greater than 0, got 0.0"),
    "NaN": (lambda: Rebar(scale=math.nan), "Rebar: scale must be a finite number, got nan"),
    "schedule": (lambda: Rebar(LinearWarmUp(5)), "Rebar: temperature takes a number, not a sch"),
    "weight": (lambda: Rebar(scale=LinearWarmUp(5)), "Rebar: scale takes a number, not a sched"),
    "network": (lambda: LearnedBaseline("a"), "LearnedBaseline: network must be a Keras layer"),
    "temperature": (
        lambda: GumbelSoftmax(LinearWarmUp(5)),
        r"GumbelSoftmax: every value of temperature, LinearWarmUp\(.* greater than 0, got 0.0",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_temperature_may_fall_as_long_as_it_stays_positive():
    assert GumbelSoftmax(ExponentialDecay(5, 1.0, 0.1)).temperature.final == 0.1
