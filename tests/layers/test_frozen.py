"""Layers that are held fixed: gradients flow through them, not to them."""

import keras
import numpy as np
import pytest

from kelbo import layers as kl
from kelbo import ops
from kelbo.distributions import Normal
from kelbo.layers.frozen import frozen

pytestmark = pytest.mark.core


def test_gradients_flow_through_a_frozen_flow_but_not_to_it():
    flow = kl.Flow(Normal.standard((2,)), [kl.MaskedAutoregressive((2,), hidden=(8,))])
    flow.given()
    x = keras.Variable(np.random.default_rng(0).normal(size=(5, 2)).astype("float32"))

    def loss(hold):
        values = ops.convert_to_tensor(x)
        if not hold:
            return ops.sum(flow.given().log_prob(values))
        with frozen(flow):
            return ops.sum(flow.given().log_prob(values))

    variables = [x, *flow.trainable_variables]
    value, slopes = ops.compile(lambda: ops.value_and_grad(loss, variables)(True), variables)()
    free, free_slopes = ops.compile(lambda: ops.value_and_grad(loss, variables)(False), variables)()
    np.testing.assert_allclose(float(value), float(free), rtol=1e-6)
    np.testing.assert_allclose(
        ops.convert_to_numpy(slopes[0]), ops.convert_to_numpy(free_slopes[0]), rtol=1e-5, atol=1e-6
    )
    assert all((ops.convert_to_numpy(slope) == 0).all() for slope in slopes[1:])
    assert any((ops.convert_to_numpy(slope) != 0).any() for slope in free_slopes[1:])


def test_weights_are_read_when_it_is_entered():
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    layer.build((None, 1))
    with frozen(layer):
        assert float(layer(np.ones((1, 1), "float32"))[0, 0]) == 1.0
    layer.kernel.assign([[2.0]])
    with frozen(layer):
        assert float(layer(np.ones((1, 1), "float32"))[0, 0]) == 2.0
