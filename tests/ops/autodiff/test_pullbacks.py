"""Functions that are differentiated by a rule of their own."""

import keras
import numpy as np
import pytest

from kelbo import ops
from kelbo.ops.autodiff.pullbacks import with_pullback

pytestmark = pytest.mark.core


def forward(a, b):
    return ops.sum(ops.matmul(a, b)), (a, b)


def pullback(residuals, cotangent):
    a, b = residuals
    ones = cotangent * ops.ones((a.shape[0], b.shape[1]), dtype=a.dtype)
    return ops.matmul(ones, ops.transpose(b)), ops.matmul(ops.transpose(a), ones)


total = with_pullback(forward, pullback)
# A rule that is wrong by a factor shows that it is the rule which is used.
doubled = with_pullback(forward, lambda *args: tuple(2.0 * each for each in pullback(*args)))


def gradients(function, a, b):
    a, b = keras.Variable(a), keras.Variable(b)
    value, found = ops.value_and_grad(lambda: 3.0 * function(a.value, b.value), [a, b])()
    return float(ops.convert_to_numpy(value)), [ops.convert_to_numpy(each) for each in found]


def test_the_rule_is_what_differentiates():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=(3, 4)).astype("float32")
    value, (of_a, of_b) = gradients(total, a, b)
    np.testing.assert_allclose(value, 3.0 * (a @ b).sum(), rtol=1e-5)
    np.testing.assert_allclose(of_a, np.broadcast_to(3.0 * b.sum(1), (2, 3)), rtol=1e-5)
    np.testing.assert_allclose(of_b, np.broadcast_to(3.0 * a.sum(0)[:, None], (3, 4)), rtol=1e-5)
    _, (twice, _) = gradients(doubled, a, b)
    np.testing.assert_allclose(twice, 2.0 * of_a, rtol=1e-6)


def test_several_values():
    both = with_pullback(
        lambda x: ((x * x, 3.0 * x), x), lambda x, bar: (2.0 * x * bar[0] + 3.0 * bar[1],)
    )
    x = keras.Variable(2.0)

    def loss():
        square, triple = both(x.value)
        return square + 10.0 * triple

    _, (slope,) = ops.value_and_grad(loss, [x])()
    assert float(ops.convert_to_numpy(slope)) == 34.0


def test_a_second_derivative_is_right_or_refused():
    square = with_pullback(lambda x: (x * x, x), lambda x, bar: (2.0 * x * bar,))
    x = keras.Variable(3.0)

    def slope():
        return ops.value_and_grad(lambda: square(x.value), [x])()[1][0]

    if keras.backend.backend() == "jax":
        assert float(ops.value_and_grad(slope, [x])()[1][0]) == 2.0
    else:
        with pytest.raises(NotImplementedError, match="no derivative of its own"):
            ops.value_and_grad(slope, [x])()
