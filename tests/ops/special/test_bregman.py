"""Differences of the second order against 50 digits."""

import mpmath as mp
import numpy as np
import pytest

from kelbo import ops
from kelbo.ops.special.bregman import bregman, excess, expm1_minus, mass_excess
from kelbo.ops.special.log_gamma_curvature import log_gamma_curvature, log_gamma_curvature_drop

pytestmark = pytest.mark.core

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}


def compare(function, reference, *arguments, dtype, rtol=None):
    arguments = [np.broadcast_to(np.asarray(x, dtype), arguments[0].shape) for x in arguments]
    value = ops.convert_to_numpy(
        ops.compile(function)(*[ops.convert_to_tensor(np.array(x)) for x in arguments])
    )
    assert value.dtype == dtype
    with mp.workdps(50):
        exact = [
            float(reference(*[mp.mpf(float(v)) for v in row]))
            for row in zip(*arguments, strict=True)
        ]
    np.testing.assert_allclose(value, exact, rtol=rtol or TOLERANCE[dtype])


SMALL = np.concatenate([10.0 ** np.arange(-12, 0), np.linspace(0.2, 0.99, 12)])
BOTH = np.concatenate([SMALL, -SMALL, [1.0, -1.0, 1.5, -1.5, 20.0]])


def test_expm1_minus(dtype):
    compare(
        expm1_minus,
        lambda x: mp.expm1(x) - x,
        np.append(BOTH, -300.0),
        dtype=dtype,
    )


def test_excess(dtype):
    x = BOTH[BOTH > -1]
    compare(excess, lambda x: x - mp.log1p(x), x, dtype=dtype, rtol=10 * TOLERANCE[dtype])


def test_mass_excess(dtype):
    x = np.array([0.3, 0.3, 2.0, 1e-20, 5.0, 1e-30])
    y = x * np.array([1 + 3e-6, 0.9, 5.0, 1.5, 1e-9, 1e30])
    x, y = x.astype(dtype), y.astype(dtype)
    log_ratio = np.log(y.astype("float64") / x.astype("float64")).astype(dtype)
    compare(
        mass_excess,
        lambda x, y, log: x * (mp.exp(log) - 1 - log) if abs(log) < 1 else y - x - x * log,
        x,
        y,
        log_ratio,
        dtype=dtype,
    )
    never = ops.convert_to_tensor(np.zeros(1, dtype))
    one = ops.convert_to_tensor(np.ones(1, dtype))
    assert float(mass_excess(never, one, one)[0]) == 1.0


def test_bregman_of_the_logarithm(dtype):
    a = np.array([1.0, 1.0, 1e-20, 1e20, 3.0, 4.0])
    b = a * np.array([1 + 4e-6, 0.999, 1.01, 2.0, 0.5, 1.0])
    compare(
        lambda a, b: bregman(lambda x, step: (step / x) ** 2, a, b, near=a > 0, far=a),
        lambda a, b: b / a - 1 - mp.log(b / a),
        a,
        b,
        dtype=dtype,
        rtol=20 * TOLERANCE[dtype],
    )


X = np.array([1e-25, 1e-6, 0.1, 1.0, 1.5, 7.9, 8.1, 40.0, 1e4, 1e12])


def test_log_gamma_curvature(dtype):
    compare(
        lambda x: log_gamma_curvature(x, x, x),
        lambda x: x * x * (mp.psi(1, x) - 1 / x),
        X,
        dtype=dtype,
    )


@pytest.mark.parametrize("shift", [1e-9, 1e-2, 1.0, 1e3])
def test_drops_of_the_curvature(dtype, shift):
    compare(
        lambda x, s: log_gamma_curvature_drop(x, x * s, x),
        lambda x, s: x * x * (mp.psi(1, x) - 1 / x - mp.psi(1, x + x * s) + 1 / (x + x * s)),
        X,
        np.full_like(X, shift),
        dtype=dtype,
        rtol=4 * TOLERANCE[dtype],
    )
