"""The quotient whose gradient does not pass through the square of its divisor."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core

SMALL = 2.0**-70


def test_value_and_gradients():
    x, y = keras.Variable([[0.0], [3.0]]), keras.Variable([-2.0, 0.5, SMALL])

    def total():
        result = ops.ratio(x.value, y.value)
        return ops.sum(result), result

    (_, result), (by_x, by_y) = ops.compile(
        ops.value_and_grad(total, [x, y], has_aux=True), [x, y]
    )()
    np.testing.assert_array_equal(ops.convert_to_numpy(result)[1], [-1.5, 6.0, 3.0 / SMALL])
    slopes = np.full((2, 1), 1.0 / SMALL + 1.5)
    np.testing.assert_allclose(ops.convert_to_numpy(by_x), slopes, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(by_y)[:2], [-0.75, -12.0], rtol=1e-6)


def test_the_gradient_of_0_by_a_small_divisor_is_0():
    y = keras.Variable(SMALL)
    _, (slope,) = ops.value_and_grad(lambda: ops.ratio(ops.zeros(()), y.value), [y])()
    assert float(slope) == 0.0


def test_float64_is_kept(float64):
    quotient = ops.ratio(ops.convert_to_tensor(np.array(1.0)), ops.convert_to_tensor(np.array(3.0)))
    assert keras.backend.standardize_dtype(quotient.dtype) == "float64"
    assert float(quotient) == 1.0 / 3.0
