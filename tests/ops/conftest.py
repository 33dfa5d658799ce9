"""What the tests of the ground floor share."""

import keras
import numpy as np
import pytest

from kelbo import ops

from ..precision import dtype, float64

__all__ = ["derivative", "derivatives", "dtype", "float64"]


@pytest.fixture
def derivatives():
    """derivatives(functions, arrays): of elementwise functions, each at its array; one program."""

    def at(functions, arrays):
        arrays = [np.asarray(x) for x in arrays]
        variables = [keras.Variable(x, dtype=str(x.dtype)) for x in arrays]

        def total():
            sums = [ops.sum(f(v.value)) for f, v in zip(functions, variables, strict=True)]
            return sum(sums[1:], sums[0])

        _, gradients = ops.compile(ops.value_and_grad(total, variables), variables)()
        return [keras.ops.convert_to_numpy(gradient) for gradient in gradients]

    return at


@pytest.fixture
def derivative(derivatives):
    """derivative(f, x): the derivative of an elementwise f at the NumPy array x, compiled."""
    return lambda f, x: derivatives([f], [x])[0]
