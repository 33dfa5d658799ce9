"""Bessel functions against SciPy, and their derivatives against mpmath."""

import keras
import mpmath
import numpy as np
import pytest
from scipy import special

from kelbo import ops

pytestmark = pytest.mark.core

FUNCTIONS = {
    "bessel_i0e": special.i0e,
    "bessel_i1e": special.i1e,
    "bessel_ratio": lambda x: special.i1e(x) / special.i0e(x),
}
SIZES = np.concatenate([np.logspace(-6, 5, 60), np.linspace(5, 60, 40)])
X = np.concatenate([-SIZES, SIZES]).astype("float32").astype("float64")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_agree_with_scipy(name, dtype):
    result = ops.compile(getattr(ops, name))(ops.convert_to_tensor(X.astype(dtype)))
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    tolerance = {"float32": 1e-6, "float64": 3e-15}[dtype]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(result), FUNCTIONS[name](X), rtol=tolerance
    )


def slopes(x):
    """The three derivatives at x, by mpmath."""
    with mpmath.workdps(40):
        x = mpmath.mpf(x)
        zero, one = (mpmath.besseli(order, x) for order in (0, 1))
        scale, sign, ratio = mpmath.exp(-abs(x)), mpmath.sign(x), one / zero
        return [
            float(scale * (one - sign * zero)),
            float(scale * (zero - one * (sign + 1 / x))),
            float(1 - ratio**2 - ratio / x),
        ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name, dtype, derivative):
    x = X[::3]
    expected = np.array([slopes(v) for v in x])[:, list(FUNCTIONS).index(name)]
    slope = derivative(getattr(ops, name), x.astype(dtype))
    # The derivative of the ratio keeps its relative accuracy far out, where it is 1 / (2 x^2).
    relative = 3e-4 if name == "bessel_ratio" else 0.0
    if dtype == "float64":
        relative *= 1e-8
    tolerance = {"float32": 1e-6, "float64": 2e-15}[dtype] if name != "bessel_ratio" else 0.0
    np.testing.assert_allclose(slope, expected, rtol=relative, atol=tolerance)


def test_at_zero(dtype, derivative):
    zero = np.zeros(1, dtype)
    for name, value, slope in [
        ("bessel_i0e", 1.0, 0.0),
        ("bessel_i1e", 0.0, 0.5),
        ("bessel_ratio", 0.0, 0.5),
    ]:
        function = getattr(ops, name)
        result = keras.ops.convert_to_numpy(function(ops.convert_to_tensor(zero)))
        np.testing.assert_allclose(result, value, rtol=3e-7)
        np.testing.assert_allclose(derivative(function, zero), slope, rtol=3e-7)
