"""Layers within a model know whether it trains, on every backend and in either loop."""

import keras
import numpy as np
import pytest

import kelbo as kb

pytestmark = pytest.mark.core


class Counter(keras.layers.Layer):
    """Adds up how often it was called in training."""

    def __init__(self):
        # Without: Keras on PyTorch would assign to a copy in half precision.
        super().__init__(autocast=False)

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.built = True

    def call(self, x, training=None):
        if training:
            self.calls.assign(self.calls + 1.0)
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.few(1)
def test_the_layers_of_a_network_learn_that_the_model_trains(make_vae, fused, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        counters = [Counter(), Counter()]
        vae = make_vae(
            event_shape=(3,),
            likelihood=kb.layers.ConditionalNormal((3,), counters[0]),
            posterior=lambda shape, network: kb.layers.ConditionalNormal(shape, counters[1]),
        )
        vae.fused = fused
        x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
        vae.fit(x, epochs=3, batch_size=5, verbose=0)
        seen = [float(counter.calls.numpy()) for counter in counters]
        assert seen == [12.0, 12.0]  # once per step
        vae.evaluate(x, verbose=0)
        vae.predict(x, verbose=0)
        assert [float(counter.calls.numpy()) for counter in counters] == seen
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.slow
def test_dropout_in_an_encoder_is_at_work():
    losses = {}
    for rate in (0.0, 0.9):
        keras.utils.set_random_seed(0)
        drop = keras.Sequential([keras.layers.Dropout(rate, seed=1), keras.layers.Dense(4)])
        vae = kb.models.VAE(
            prior=kb.distributions.Normal.standard((2,)),
            likelihood=kb.layers.ConditionalNormal((3,), keras.layers.Dense(4)),
            posterior=kb.layers.ConditionalNormal((2,), drop),
            seed=0,
        )
        vae.compile(keras.optimizers.SGD(0.0))
        x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
        trained = vae.fit(x, epochs=1, batch_size=50, verbose=0).history["loss"][0]
        losses[rate] = (trained, vae.evaluate(x, verbose=0, return_dict=True)["loss"])
    assert losses[0.0][0] != pytest.approx(losses[0.9][0], rel=1e-4)
    assert losses[0.0][1] == pytest.approx(losses[0.9][1], rel=1e-6)
