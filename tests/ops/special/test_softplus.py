import keras
import numpy as np
import pytest
from scipy import special

from kelbo import ops

pytestmark = pytest.mark.core


def test_values_are_right_in_both_tails():
    x = np.array([-80.0, -20.0, -1.0, 0.0, 1.0, 20.0, 1e4, -1e4], "float32")
    expected = np.logaddexp(x.astype("float64"), 0.0)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.softplus(x)), expected, rtol=3e-6)


def test_float64_is_right_to_its_last_digits(float64):
    x = np.array([-700.0, -20.7, 0.0, 20.7, 30.0, 1e4])
    actual = ops.convert_to_numpy(ops.softplus(ops.convert_to_tensor(x, dtype="float64")))
    np.testing.assert_allclose(actual, np.logaddexp(x, 0.0), rtol=1e-14)


@pytest.mark.parametrize("at", [-1e4, -30.0, -2.0, 0.0, 2.0, 30.0, 1e4])
def test_the_gradient_is_the_sigmoid(at):
    x = keras.Variable(at)
    _, (gradient,) = ops.value_and_grad(lambda: ops.softplus(x.value), [x])()
    np.testing.assert_allclose(float(gradient), special.expit(at), rtol=1e-5, atol=1e-30)


def test_the_second_derivative_is_that_of_the_sigmoid():
    x = np.array([-20.0, -2.0, 0.0, 2.0, 20.0], "float32")

    def slope(x):
        return ops.values_and_gradients(ops.softplus, x)[1]

    found = ops.values_and_gradients(slope, ops.convert_to_tensor(x))[1]
    expected = special.expit(x.astype("float64")) * special.expit(-x.astype("float64"))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-8)


def test_it_is_a_node_of_a_functional_model():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ops.softplus(inputs))
    assert model(np.zeros((2, 3), "float32")).shape == (2, 3)


def test_whole_numbers_become_the_default_dtype():
    assert keras.backend.standardize_dtype(ops.softplus(np.array([1, 2])).dtype) == "float32"
