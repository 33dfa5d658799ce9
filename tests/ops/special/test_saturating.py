"""Functions that run into a constant: values and slopes of two orders, far on either side."""

import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def slope_of_sigmoid(x):
    return sigmoid(x) * sigmoid(-x)


# Value, first and second derivative; everywhere products of what keeps its digits.
FUNCTIONS = {
    "expm1": (np.expm1, np.exp, np.exp),
    "sigmoid": (sigmoid, slope_of_sigmoid, lambda x: -slope_of_sigmoid(x) * np.tanh(x / 2)),
    "tanh": (
        np.tanh,
        lambda x: 4 * slope_of_sigmoid(2 * x),
        lambda x: -8 * slope_of_sigmoid(2 * x) * np.tanh(x),
    ),
}
FAR = np.array([0.01, 0.3, 0.4999, 0.5, 0.51, 0.7, 0.71, 2.0, 7.0, 9.5, 17.0, 20.0, 36.0, 40.0])
POINTS = np.concatenate([-FAR, [0.0], FAR])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes_keep_their_digits(name, dtype):
    function, x = getattr(ops, name), POINTS.astype(dtype)

    def slopes(x):
        return ops.values_and_gradients(function, x)[1]

    def orders(x):
        return ops.stack([function(x), *ops.values_and_gradients(slopes, x)])

    found = ops.convert_to_numpy(ops.compile(orders)(ops.convert_to_tensor(x)))
    assert found.dtype == dtype
    expected = np.array([f(x.astype("float64")) for f in FUNCTIONS[name]])
    # The second derivative is a difference of two, each of the size of the first.
    size = np.abs(expected) + np.abs(expected[[0, 1, 1]])
    assert (np.abs(found - expected) <= 8 * np.finfo(dtype).eps * size).all()


def test_far_out_nothing_overflows(derivative):
    x = np.array([-np.inf, -1e30, -1e3, 1e3, 1e30, np.inf], "float32")
    for name in ("sigmoid", "tanh"):
        assert (derivative(getattr(ops, name), x) == 0).all()
    assert (derivative(ops.expm1, x[:3]) == 0).all()
    assert np.isinf(ops.convert_to_numpy(ops.expm1(x[3:]))).all()
