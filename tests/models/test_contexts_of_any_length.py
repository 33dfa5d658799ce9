"""Contexts whose length varies, and those of another length than the first that came."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl

pytestmark = pytest.mark.core
L = keras.layers
numbers = keras.ops.convert_to_numpy
Y = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")


def contexts(*shape):
    return np.random.default_rng(1).normal(size=(6, *shape)).astype("float32")


@keras.saving.register_keras_serializable("kelbo-tests-contexts")
class Pooled(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features, self.dropout = L.Dense(3, "tanh"), L.Dropout(0.5, seed=0)

    def call(self, x, training=None):
        return keras.ops.mean(self.dropout(self.features(x), training=training), axis=1)


def sequences():
    return keras.Sequential([keras.Input((None, 2)), L.GRU(3)])


def images():
    layers = [keras.Input((None, None, 3)), L.Conv2D(3, 3), L.GlobalAveragePooling2D()]
    return keras.Sequential(layers)


def flow(network):
    coupling = kl.AffineCoupling((2,), L.Dense(4, "tanh"))
    return kl.Flow(kd.Normal.standard((2,)), [coupling], network)


def normal(network):
    return kl.ConditionalNormal((2,), network)


CASES = {
    "sequences": (lambda: normal(sequences()), (5, 2), (7, 2)),
    "images": (lambda: normal(images()), (5, 6, 3), (7, 4, 3)),
    "a layer of one's own": (lambda: normal(Pooled()), (5, 2), (7, 2)),
    "a sequential without an input": (
        lambda: normal(keras.Sequential([L.GRU(3)])),
        (5, 2),
        (7, 2),
    ),
    "a flow": (lambda: flow(sequences()), (5, 2), (7, 2)),
}


@pytest.mark.filterwarnings("ignore:.*build.* was called on layer")
@pytest.mark.parametrize(
    "name", [n if n == "sequences" else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_every_verb_takes_every_length(name, tmp_path):
    make, first, other = CASES[name]
    model = kb.models.ConditionalDensity(make(), seed=0)
    model.compile("adam")
    model.fit(contexts(*first), Y, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for shape in (other, first):
        x = contexts(*shape)
        log_prob = model.log_prob(x, Y)
        assert log_prob.shape == (6,)
        np.testing.assert_allclose(again.log_prob(x, Y), log_prob, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            numbers(model.predict(x, verbose=0).log_prob(Y)), log_prob, rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(
            model.evaluate(x, Y, verbose=0), -log_prob.mean(), rtol=1e-4, atol=1e-5
        )
        assert model.sample(x, 3, seed=0).shape == (3, 6, 2)
        assert model.predict_draws(x, 2).batch_shape == (2, 6)
        folded = model.conditional.given(np.stack([x, x]))
        np.testing.assert_allclose(numbers(folded.log_prob(Y))[1], log_prob, rtol=1e-4, atol=1e-5)
    model.fit(contexts(*other), Y, epochs=1, verbose=0)


def test_a_model_may_be_built_for_every_length():
    model = kb.models.ConditionalDensity(normal(sequences()), seed=0)
    model.build((None, None, 2))
    assert model.log_prob(contexts(4, 2), Y).shape == model.log_prob(contexts(3, 2), Y).shape


@pytest.mark.parametrize(
    ("network", "built_for", "given", "message"),
    [
        (L.GRU(3), (5, 2), (5, 3), r"a GRU, cannot take .*; it was built for contexts of \(5, 2\)"),
        (L.Dense(3), (5, 2), (7, 2), r"features of shape \(7, 3\) .* have the shape \(5, 3\)"),
        (L.Dense(3), (2,), (3,), r"a Dense, cannot take .* built for contexts of \(2,\)"),
        (L.Dense(3), (2,), (3, 2), r"a context has the shape \(3, 2\), but it was built for"),
        (None, (2,), (3,), r"a context has the shape \(3,\), but it was built for contexts of"),
    ],
    ids=["entries", "features", "vectors", "rank", "no network"],
)
def test_what_the_network_cannot_take_is_said(network, built_for, given, message):
    model = kb.models.ConditionalDensity(normal(network), seed=0)
    model.build((None, *built_for))
    model.compile("adam")
    x = contexts(*given)
    for verb in (model.fit, model.evaluate, model.log_prob):
        with pytest.raises(ValueError, match=message):
            verb(x, Y)
    for verb in (model.predict, model.sample, model.predict_draws):
        with pytest.raises(ValueError, match=message):
            verb(x)


def test_flow_layers_need_contexts_of_known_size():
    with pytest.raises(ValueError, match=r"\(None, 2\); only the batch may be unknown"):
        kl.AffineCoupling((2,)).build((None, None, 2))
