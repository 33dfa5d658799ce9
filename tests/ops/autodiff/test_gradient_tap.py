"""Gradients that are weighted after the fact."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core

VALUES = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
WEIGHTS = np.random.default_rng(1).uniform(-1, 2, size=(3, 4)).astype("float32")


def slope(weights, scale=1.0, rank=2):
    """Gradient of a sum of cubes whose tap is weighted; `scale` multiplies the whole loss."""
    x = keras.Variable(VALUES)

    def loss():
        value, tap = ops.gradient_tap(ops.convert_to_tensor(x), rank)
        cubes = ops.sum(value**3)
        numbers = ops.convert_to_tensor(weights)
        return scale * (cubes + ops.sum(numbers * tap[..., 0] + tap[..., 1]))

    def run():
        return ops.value_and_grad(loss, [x])()

    value, (found,) = ops.compile(run, [x])()
    np.testing.assert_allclose(
        float(value), scale * np.sum(VALUES.astype("float64") ** 3), rtol=1e-4
    )
    return ops.convert_to_numpy(found)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_the_weights_multiply_the_gradient_whatever_the_loss_is_scaled_by(scale):
    expected = scale * 3 * VALUES**2 * WEIGHTS[..., None]
    np.testing.assert_allclose(slope(WEIGHTS, scale), expected, rtol=1e-5)


def test_any_number_of_axes_has_weights():
    expected = 3 * VALUES**2 * WEIGHTS[:, :1, None]
    np.testing.assert_allclose(slope(WEIGHTS[:, 0], rank=1), expected, rtol=1e-5)


def test_a_loss_that_does_not_count_has_no_gradient():
    assert (slope(WEIGHTS, 0.0) == 0).all()


def test_weights_may_depend_on_what_is_computed_from_the_value():
    x = keras.Variable([2.0, 3.0])

    def loss():
        value, tap = ops.gradient_tap(ops.convert_to_tensor(x), 1)
        square = value**2
        return ops.sum(square) + ops.sum(ops.stop_gradient(square) * tap[..., 0] + tap[..., 1])

    _, (found,) = ops.value_and_grad(loss, [x])()
    np.testing.assert_allclose(ops.convert_to_numpy(found), [4 * 4, 6 * 9], rtol=1e-6)


def test_a_gradient_through_a_tap_is_not_differentiated_again():
    x = keras.Variable([2.0])

    def loss():
        value, tap = ops.gradient_tap(ops.convert_to_tensor(x), 1)
        return ops.sum(value**3) + ops.sum(tap)

    def slope():
        return ops.sum(ops.value_and_grad(loss, [x])()[1][0])

    with pytest.raises(NotImplementedError, match="gradient_tap"):
        ops.value_and_grad(slope, [x])()
