"""Reductions of log weights, against NumPy and against finite differences."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from kelbo import ops
from kelbo.estimators.reductions import (
    Blend,
    Extreme,
    LogMeanExp,
    Mean,
    MeanOfFunction,
    OfGroups,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation", "float64")]

LOG_WEIGHTS = np.random.default_rng(0).normal(scale=2.0, size=(5, 6)) - 40.0
REDUCTIONS = {
    "mean": (Mean(), lambda x: -x.mean(-1)),
    "importance weights": (LogMeanExp(), lambda x: math.log(6) - logsumexp(x, -1)),
    "Renyi": (LogMeanExp(0.5), lambda x: 2 * (math.log(6) - logsumexp(0.5 * x, -1))),
    "Renyi near the ELBO": (LogMeanExp(1e-5), lambda x: -x.mean(-1) - 0.5e-5 * x.var(-1)),
    "negative power": (LogMeanExp(-2.0), lambda x: -0.5 * (math.log(6) - logsumexp(-2 * x, -1))),
    "upper bound": (LogMeanExp(2.0, 1.0), lambda x: 0.5 * (logsumexp(2 * x, -1) - math.log(6))),
    "largest": (Extreme(True), lambda x: -x.max(-1)),
    "smallest": (Extreme(False), lambda x: -x.min(-1)),
    "groups": (
        OfGroups(LogMeanExp(), 3),
        lambda x: math.log(3) - logsumexp(x.reshape(*x.shape[:-1], 2, 3), -1).mean(-1),
    ),
    "blend": (
        Blend(((0.3, Mean()), (0.7, LogMeanExp()))),
        lambda x: -0.3 * x.mean(-1) - 0.7 * (logsumexp(x, -1) - math.log(6)),
    ),
    "function": (
        MeanOfFunction(ops.sin, ops.cos, lambda x: -ops.sin(x)),
        lambda x: np.sin(x).mean(-1),
    ),
}
cases = pytest.mark.parametrize(("reduction", "expected"), REDUCTIONS.values(), ids=REDUCTIONS)


def numbers(x):
    """With the examples in front."""
    return ops.convert_to_numpy(x).T


def tensor(x):
    """With the samples in front."""
    return ops.convert_to_tensor(x.T, dtype="float64")


@cases
def test_value(reduction, expected):
    np.testing.assert_allclose(
        numbers(reduction.value(tensor(LOG_WEIGHTS))), expected(LOG_WEIGHTS), rtol=1e-9
    )


@cases
def test_slopes_and_curvatures_are_the_derivatives(reduction, expected):
    step, shifted = 1e-3, {}
    for sign in (-1, 0, 1):
        each = LOG_WEIGHTS[:, None, :] + sign * step * np.eye(6)
        shifted[sign] = expected(each)
    slopes = (shifted[1] - shifted[-1]) / (2 * step)
    curvatures = (shifted[1] - 2 * shifted[0] + shifted[-1]) / step**2
    if expected is REDUCTIONS["Renyi near the ELBO"][1]:  # an expansion, good for the value
        slopes, curvatures = np.full((5, 6), -1 / 6), np.zeros((5, 6))
    x = tensor(LOG_WEIGHTS)
    np.testing.assert_allclose(numbers(reduction.slopes(x)), slopes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(numbers(reduction.curvatures(x)), curvatures, rtol=1e-3, atol=1e-4)


@cases
def test_signals_and_what_the_others_say(reduction, expected):
    """A baseline knows nothing of its own sample."""
    x, moved = tensor(LOG_WEIGHTS), LOG_WEIGHTS.copy()
    moved[:, 2] += 1.0
    left_out, after = numbers(reduction.left_out(x)), numbers(reduction.left_out(tensor(moved)))
    np.testing.assert_allclose(after[:, 2], left_out[:, 2], rtol=1e-9)
    assert not np.allclose(after[:, 0], left_out[:, 0], rtol=1e-9, atol=0) or isinstance(
        reduction, Extreme | MeanOfFunction | OfGroups
    )
    signals = numbers(reduction.signals(x))
    if reduction.is_sum:
        np.testing.assert_allclose(signals.sum(1), expected(LOG_WEIGHTS), rtol=1e-9)
    elif not isinstance(reduction, Blend | OfGroups):
        np.testing.assert_allclose(signals, np.tile(expected(LOG_WEIGHTS)[:, None], 6), rtol=1e-9)


def test_the_bound_of_the_others():
    left_out = numbers(LogMeanExp().left_out(tensor(LOG_WEIGHTS)))
    expected = [
        math.log(5) - logsumexp(np.delete(LOG_WEIGHTS, i, axis=1), axis=1) for i in range(6)
    ]
    np.testing.assert_allclose(left_out, np.transpose(expected), rtol=1e-9)


@cases
def test_one_log_weight_is_replaced_at_a_time(reduction, expected):
    others = np.random.default_rng(1).normal(size=(5, 6)) - 40.0
    replaced = numbers(reduction.replaced(tensor(LOG_WEIGHTS), tensor(others)))
    each = np.where(np.eye(6, dtype=bool), others[:, :, None], LOG_WEIGHTS[:, None, :])
    if isinstance(reduction, OfGroups):  # the share of its own group
        group = np.arange(6) // 3
        inside = each.reshape(5, 6, 2, 3)[:, np.arange(6), group]
        expected_values = 0.5 * (math.log(3) - logsumexp(inside, -1))
    else:
        expected_values = expected(each)
    np.testing.assert_allclose(replaced, expected_values, rtol=1e-8)


def test_weights_of_nothing():
    """An impossible draw: no weight, no NaN."""
    x = LOG_WEIGHTS.copy()
    x[:, 0] = -np.inf
    expected = math.log(6) - logsumexp(x, axis=1)
    for reduction in (LogMeanExp(), LogMeanExp(0.05)):
        value, slopes = reduction.value(tensor(x)), reduction.slopes(tensor(x))
        assert np.isfinite(numbers(value)).all()
        assert (numbers(slopes)[:, 0] == 0).all()
    np.testing.assert_allclose(numbers(LogMeanExp().value(tensor(x))), expected)
