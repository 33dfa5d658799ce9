"""Bessel functions against SciPy, and their derivatives against mpmath."""

import keras
import mpmath
import numpy as np
import pytest
from scipy import special

from kelbo import ops
from kelbo.ops.special import bessel_orders

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


@pytest.mark.few(1)
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


ORDERS = [0.5, 1.0, 3.5, 7.0, 8.0, 24.0, 249.0]
SIZES_OF_ORDERS = np.array([1e-6, 1e-2, 0.7, 3.0, 11.0, 40.0, 200.0, 3e4]).astype("float32")


def of_order(order, x):
    """Logarithm, ratio, the ratio's distance to 1, ratio per x, and slope, by mpmath."""
    with mpmath.workdps(50):
        v, x = mpmath.mpf(order), mpmath.mpf(float(x))
        zero, one = (mpmath.besseli(v + i, x) for i in (0, 1))
        ratio = one / zero
        log = mpmath.log(zero) - x + mpmath.loggamma(v + 1) + v * mpmath.log(2 / x)
        slope = 1 - ratio**2 - (2 * v + 1) * ratio / x
        return [float(y) for y in (log, ratio, 1 - ratio, ratio / x, slope)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.few(2)
def test_values_of_any_order(order, dtype):
    functions = [
        ops.log_normalized_bessel_ie,
        ops.bessel_ratio,
        bessel_orders.ratio_complement,
        bessel_orders.ratio_per_argument,
        bessel_orders.ratio_slope,
    ]
    x = SIZES_OF_ORDERS.astype(dtype)
    results = ops.compile(lambda x: [f(x, order) for f in functions])(ops.convert_to_tensor(x))
    expected = np.array([of_order(order, value) for value in x]).T
    # What is divided by x many times rounds more.
    near = {
        "float32": [2e-6, 1e-6, 1e-5, 1e-6, 2e-5],
        "float64": [1e-14, 1e-14, 2e-13, 1e-14, 1e-12],
    }
    for result, reference, relative in zip(results, expected, near[dtype], strict=True):
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        result = keras.ops.convert_to_numpy(result)
        np.testing.assert_allclose(result, reference, rtol=relative, atol=relative)


@pytest.mark.parametrize("order", [0.5, 7.0])
@pytest.mark.few(1)
def test_derivatives_of_any_order(order, dtype, derivative):
    x = SIZES_OF_ORDERS.astype(dtype)
    _, _, rest, _, slope = np.array([of_order(order, value) for value in x]).T
    near = {"float32": 3e-5, "float64": 1e-12}[dtype]
    for function, expected in (
        (ops.log_normalized_bessel_ie, -rest),
        (ops.bessel_ratio, slope),
        (bessel_orders.ratio_complement, -slope),
    ):
        found = derivative(lambda x, function=function: function(x, order), x)
        np.testing.assert_allclose(found, expected, rtol=near)


def test_any_order_at_0_and_far_out(dtype):
    x = np.array([0.0, 1e30, 1e38], dtype)
    log = keras.ops.convert_to_numpy(ops.log_normalized_bessel_ie(x, order=1.5))
    far = special.gammaln(2.5) + 1.5 * np.log(2.0) - 0.5 * np.log(2.0 * np.pi) - 2.0 * np.log(x[1:])
    np.testing.assert_allclose(log, [0.0, *far], rtol=1e-6, atol=1e-7)
    ratio = keras.ops.convert_to_numpy(ops.bessel_ratio(np.append(x, -x), order=1.5))
    np.testing.assert_array_equal(ratio, [0.0, 1.0, 1.0, 0.0, -1.0, -1.0])
