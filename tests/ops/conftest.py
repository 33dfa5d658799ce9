"""What the tests of the ground floor share."""

import keras
import numpy as np
import pytest

from kelbo import ops

from ..precision import dtype, float64

__all__ = ["derivative", "dtype", "float64"]


@pytest.fixture
def derivative():
    """derivative(f, x): the derivative of an elementwise f at the NumPy array x, compiled."""

    def at(f, x):
        x = np.asarray(x)
        variable = keras.Variable(x, dtype=str(x.dtype))
        gradients = ops.value_and_grad(lambda: ops.sum(f(variable.value)), [variable])
        _, (gradient,) = ops.compile(gradients, [variable])()
        return keras.ops.convert_to_numpy(gradient)

    return at
