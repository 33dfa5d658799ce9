"""Inverses of monotone functions, and their gradients by the implicit function theorem."""

import keras
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops

pytestmark = pytest.mark.core


def array(x):
    return keras.ops.convert_to_numpy(x)


def test_it_inverts(dtype):
    x = np.linspace(-1.5, 1.5, 7).astype(dtype)
    for function, target in ((ops.tanh, np.tanh(x)), (lambda v: -ops.tanh(v), -np.tanh(x))):
        solve = ops.compile(lambda t, f=function: ops.invert_monotone(f, t, -3.0, 3.0))
        result = solve(ops.convert_to_tensor(target))
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        tolerance = {"float32": 3e-6, "float64": 1e-14}[dtype]
        np.testing.assert_allclose(array(result), x, rtol=tolerance, atol=tolerance)


def test_outside_of_the_bracket_is_its_end():
    result = ops.invert_monotone(ops.tanh, np.array([-1.0, 1.0], "float32"), -0.5, 0.5)
    np.testing.assert_allclose(array(result), [-0.5, 0.5])


def test_brackets_broadcast_and_count_steps():
    low = np.array([[0.0], [1.0]], "float32")
    result = ops.invert_monotone(
        lambda x: x, np.array([0.3, 0.9, 1.6], "float32"), low, low + 1.0, steps=1
    )
    np.testing.assert_allclose(array(result), [[0.25, 0.75, 0.75], [1.25, 1.25, 1.75]])


def gamma_quantile(p, a):
    def cdf(log_x):
        return ops.gammainc(a, ops.exp(log_x))

    def slope(log_x):
        x = ops.exp(log_x)
        return ops.exp(a * log_x - x - ops.lgamma(a))

    return ops.exp(ops.invert_monotone(cdf, p, -60.0, 8.0, derivative=slope, steps=36))


P = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
CONCENTRATIONS = np.array([0.3, 1.0, 4.0, 30.0, 500.0])


@pytest.mark.slow
def test_a_quantile_and_its_gradients(float64, derivative):
    p, a = ops.convert_to_tensor(P), ops.convert_to_tensor(CONCENTRATIONS)
    x = special.gammaincinv(CONCENTRATIONS, P)
    np.testing.assert_allclose(array(ops.compile(gamma_quantile)(p, a)), x, rtol=1e-12)
    by_p = derivative(lambda v: gamma_quantile(v, a), P)
    # The slope is taken where the 36 halvings end, 1e-9 away.
    np.testing.assert_allclose(by_p, 1 / stats.gamma.pdf(x, CONCENTRATIONS), rtol=1e-7)
    by_a = derivative(lambda v: gamma_quantile(p, v), CONCENTRATIONS)
    step = 1e-4 * CONCENTRATIONS
    expected = special.gammaincinv(CONCENTRATIONS + step, P)
    expected = (expected - special.gammaincinv(CONCENTRATIONS - step, P)) / (2 * step)
    np.testing.assert_allclose(by_a, expected, rtol=1e-3)


def test_without_a_derivative_it_has_no_gradient(derivative):
    target = np.array([0.2, 0.5], "float32")
    slope = derivative(lambda v: v + ops.invert_monotone(ops.tanh, v, -2.0, 2.0), target)
    np.testing.assert_array_equal(slope, 1.0)
