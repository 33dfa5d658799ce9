"""Schedules by their values, in files, and at their ends."""

import json

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.schedules import (
    Constant,
    CyclicalWarmUp,
    ExponentialDecay,
    LinearWarmUp,
    SigmoidWarmUp,
    as_schedule,
    at_step,
)

pytestmark = pytest.mark.core

STEPS = np.array([0.0, 25.0, 50.0, 75.0, 100.0, 1000.0])
SCHEDULES = {
    "constant": (Constant(4.0), [4.0] * 6),
    "linear": (LinearWarmUp(100), [0, 0.25, 0.5, 0.75, 1, 1]),
    "falling": (LinearWarmUp(100, start=3.0, end=1.0), [3, 2.5, 2, 1.5, 1, 1]),
    "sigmoid": (
        SigmoidWarmUp(100, sharpness=4.0),
        [0, *(0.5 + 0.5 * np.tanh([-0.5, 0.0, 0.5]) / np.tanh(1.0)), 1, 1],
    ),
    "exponential": (ExponentialDecay(100, 1.0, 1 / 16), [1, 0.5, 0.25, 0.125, 0.0625, 0.0625]),
    "exponential of one number": (ExponentialDecay(100, 2.0, 2.0), [2.0] * 6),
    "cyclical": (CyclicalWarmUp(50, cycles=2), [0, 1, 0, 1, 1, 1]),
    "cyclical, slow": (CyclicalWarmUp(100, cycles=3, rise=1.0), [0, 0.25, 0.5, 0.75, 0, 1]),
}
cases = pytest.mark.parametrize(("schedule", "expected"), SCHEDULES.values(), ids=SCHEDULES)


@cases
def test_values(schedule, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(schedule(STEPS)), expected, atol=1e-5)


@cases
def test_the_end_is_what_it_is_outside_of_training(schedule, expected):
    assert at_step(schedule, None) == schedule.final
    assert schedule.final == pytest.approx(expected[-1])


@cases
def test_round_trip(schedule, expected):
    text = json.dumps(keras.saving.serialize_keras_object(schedule))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert repr(again) == repr(schedule)
    assert again.get_config() == schedule.get_config()


def test_the_sigmoid_is_one():
    share = np.linspace(0, 1, 11)
    sigmoid = 1 / (1 + np.exp(-10 * (share - 0.5)))
    stretched = (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])
    values = ops.convert_to_numpy(SigmoidWarmUp(10)(np.arange(11.0)))
    np.testing.assert_allclose(values, stretched, atol=1e-5)


BAD = {
    "steps": (lambda: LinearWarmUp(0), "LinearWarmUp: steps"),
    "sharpness": (lambda: SigmoidWarmUp(10, sharpness=0.0), "sharpness must be positive"),
    "ends": (lambda: ExponentialDecay(10, end=0.0), "start and end must be positive"),
    "rise": (lambda: CyclicalWarmUp(10, rise=0.0), "rise must lie in"),
    "cycles": (lambda: CyclicalWarmUp(10, cycles=0), "CyclicalWarmUp: cycles"),
    "no number": (lambda: as_schedule("Owner", "beta", "x"), "Owner: beta must be a number or"),
    "truth": (lambda: as_schedule("Owner", "beta", True), "Owner: beta must be a number or"),
    "too small": (lambda: as_schedule("Owner", "t", 0.0, above=0.0), "t must be greater than 0"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
