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
    fixed_number,
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
def test_bounds_are_the_extremes(schedule, expected):
    values = ops.convert_to_numpy(schedule(np.arange(401.0)))
    np.testing.assert_allclose(schedule.bounds, (values.min(), values.max()), rtol=1e-5)


@pytest.mark.parametrize("kind", [LinearWarmUp, SigmoidWarmUp, ExponentialDecay])
def test_a_small_end_is_reached_from_above(kind):
    schedule = kind(10, start=3.0, end=1e-9)
    values = ops.convert_to_numpy(schedule(np.arange(12.0)))
    assert (values > 0).all()
    np.testing.assert_allclose(values[-2:], 1e-9, rtol=1e-5)


def test_numbers_of_numpy_are_numbers():
    for value in (np.float32(0.5), np.float64(0.5)):
        assert as_schedule("Owner", "t", value, above=0.0).final == 0.5
    assert as_schedule("Owner", "t", np.int64(2)).final == 2.0


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
    "sharpness": (
        lambda: SigmoidWarmUp(10, sharpness=0.0),
        "SigmoidWarmUp: sharpness must be a finite number greater than 0, got 0.0",
    ),
    "end": (
        lambda: ExponentialDecay(10, end=0.0),
        "ExponentialDecay: end must be a finite number greater than 0, got 0.0",
    ),
    "start": (lambda: LinearWarmUp(10, start="a"), "LinearWarmUp: start must be a finite number,"),
    "an end of infinity": (
        lambda: CyclicalWarmUp(10, end=float("inf")),
        "CyclicalWarmUp: end must be a finite number, got inf",
    ),
    "a constant of nothing": (lambda: Constant(None), "Constant: value must be a finite number"),
    "rise": (
        lambda: CyclicalWarmUp(10, rise=0.0),
        r"CyclicalWarmUp: rise must be a finite number in \(0, 1\], got 0.0",
    ),
    "cycles": (lambda: CyclicalWarmUp(10, cycles=0), "CyclicalWarmUp: cycles"),
    "no number": (lambda: as_schedule("Owner", "beta", "x"), "Owner: beta must be a number or"),
    "truth": (lambda: as_schedule("Owner", "beta", True), "Owner: beta must be a number or"),
    "too small": (
        lambda: as_schedule("Owner", "t", 0.0, above=0.0),
        "Owner: t must be a finite number greater than 0, got 0.0",
    ),
    "NaN": (
        lambda: as_schedule("Owner", "t", float("nan")),
        "Owner: t must be a finite number, got nan",
    ),
    "a schedule that starts too low": (
        lambda: as_schedule("Owner", "t", LinearWarmUp(9), above=0.0),
        r"Owner: every value of t, LinearWarmUp\(.*\), must be .* greater than 0, got 0.0",
    ),
    "a schedule that ends too low": (
        lambda: as_schedule("Owner", "t", CyclicalWarmUp(9, end=-1.0), least=0.0),
        r"Owner: every value of t, CyclicalWarmUp\(.*\), must be .* of at least 0, got -1.0",
    ),
    "a schedule of a fixed number": (
        lambda: fixed_number("Owner", "t", LinearWarmUp(9)),
        r"Owner: t takes a number, not a schedule, got LinearWarmUp\(.*give a number",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
