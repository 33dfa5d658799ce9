"""Inverses of monotone functions, and their gradients by the implicit function theorem."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def array(x):
    return keras.ops.convert_to_numpy(x)


def test_it_inverts(dtype):
    x = np.linspace(-1.5, 1.5, 7).astype(dtype)
    for function, target in ((ops.tanh, np.tanh(x)), (lambda v: -ops.tanh(v), -np.tanh(x))):
        inverse = ops.invert_monotone(function)
        result = ops.compile(lambda t, f=inverse: f(t, -3.0, 3.0))(ops.convert_to_tensor(target))
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        tolerance = {"float32": 3e-6, "float64": 1e-14}[dtype]
        np.testing.assert_allclose(array(result), x, rtol=tolerance, atol=tolerance)


def test_outside_of_the_bracket_is_its_end_without_a_gradient(derivative):
    inverse, targets = ops.invert_monotone(ops.tanh), np.array([-1.0, 0.25, 1.0], "float32")
    x = array(inverse(targets, -0.5, 0.5))
    np.testing.assert_allclose(x, [-0.5, np.arctanh(0.25), 0.5], rtol=1e-6)
    slope = derivative(lambda v: inverse(v, -0.5, 0.5), targets)
    np.testing.assert_allclose(slope, [0.0, 16 / 15, 0.0], rtol=1e-5)


def test_of_nan_is_nan():
    assert np.isnan(array(ops.invert_monotone(ops.tanh)(float("nan"), -0.5, 0.5)))


def test_brackets_broadcast_and_count_steps():
    low = np.array([[0.0], [1.0]], "float32")
    inverse = ops.invert_monotone(lambda x: x, steps=1)
    result = inverse(np.array([0.3, 0.9, 1.6], "float32"), low, low + 1.0)
    np.testing.assert_allclose(array(result), [[0.25, 0.75, 0.75], [1.25, 1.25, 1.75]])


def test_derivatives_of_every_order(float64, derivative):
    # Of the root of a x^3 = t, which is (t / a)^(1/3).
    root = ops.invert_monotone(lambda x, a: a * x**3)
    t, a = np.array([0.5, 8.0]), np.array([2.0, 0.3])
    fixed_t, fixed_a = ops.convert_to_tensor(t), ops.convert_to_tensor(a)

    def slope(f):
        return lambda x: ops.values_and_gradients(f, x)[1]

    def by_target(x):
        return root(x, 0.0, 9.0, fixed_a)

    def by_parameter(x):
        return root(fixed_t, 0.0, 9.0, x)

    x, falling = (t / a) ** (1 / 3), 1.0
    for order in range(3):
        falling *= 1 / 3 - order
        expected = x * falling / t ** (order + 1)
        np.testing.assert_allclose(derivative(by_target, t), expected, rtol=1e-9)
        by_target = slope(by_target)
    np.testing.assert_allclose(derivative(by_parameter, a), -x / 3 / a, rtol=1e-9)
    np.testing.assert_allclose(derivative(slope(by_parameter), a), 4 / 9 * x / a**2, rtol=1e-9)
