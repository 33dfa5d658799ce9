"""Copies of layers and models, built or not: of the same state, and of nothing shared."""

import copy
import json
import pickle

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl

pytestmark = pytest.mark.core
L = keras.layers
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


def normal(shape, network=None):
    return kl.ConditionalNormal(shape, network)


def flow(network=None):
    return kl.Flow(kd.Normal.standard((2,)), [kl.AffineCoupling((2,), L.Dense(3))], network)


# Layers that are built with a context or without one.
OF_BOTH_USES = {
    cls.__name__: lambda cls=cls: cls((2,))
    for cls in (
        kl.AffineCoupling,
        kl.BatchNormalization,
        kl.BlockAutoregressiveFlow,
        kl.CouplingFlow,
        kl.InverseAutoregressive,
        kl.InvertibleLinear,
        kl.MaskedAutoregressive,
        kl.Permutation,
        kl.PlanarFlow,
        kl.RadialFlow,
        kl.SplineCoupling,
        kl.SylvesterFlow,
        kl.ConditionalAutoregressiveNormal,
    )
} | {"Flow": flow}
OTHERS = {
    "ConditionalJoint": lambda: kl.ConditionalJoint(
        {"a": normal((2,)), "b": kl.ConditionalNormal((1,), parents="a")}
    ),
    "ConditionalMixture": lambda: kl.ConditionalMixture(normal((2,)), L.Dense(3), components=2),
    "ConditionalNormal": lambda: normal((2,), L.Dense(3)),
    "ConditionalStudentT": lambda: kl.ConditionalStudentT((2,)),
    "DenseVariational": lambda: kl.DenseVariational(2, kl_weight=0.1),
    "KLDivergence": kl.KLDivergence,
    "LearnedMixture": lambda: kl.LearnedMixture((2,), 3),
    "LearnedNormal": lambda: kl.LearnedNormal((2,)),
    "MADE": lambda: kl.MADE(3, 2, (4,)),
    "MaskedDense": lambda: kl.MaskedDense([1, 2, 3], [1, 2]),
    "Noise": kl.Noise,
    "ParameterHead": lambda: kl.ParameterHead((2,)),
    "VampPrior": lambda: kl.VampPrior((2,), 3, initial=np.ones(3)),
}


def through_json(instance):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(instance)))
    return keras.saving.deserialize_keras_object(config)


WITH_WEIGHTS = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda instance: pickle.loads(pickle.dumps(instance)),
}


def assert_copy(ours, theirs, of_weights):
    assert theirs.built == ours.built
    assert not {id(v) for v in ours.variables} & {id(v) for v in theirs.variables}
    assert [w.shape for w in theirs.weights] == [w.shape for w in ours.weights]
    if of_weights:
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", OF_BOTH_USES | OTHERS)
@pytest.mark.few(12)
def test_a_layer_is_copied_as_it_is(name):
    make = (OF_BOTH_USES | OTHERS)[name]
    uses = ["not built", (None, 3), None] if name in OF_BOTH_USES else ["not built", (None, 3)]
    for use in uses:
        layer = make()
        if use != "not built":
            layer.build(use)
        for copied in (*WITH_WEIGHTS.values(), through_json):
            again = copied(layer)
            assert_copy(layer, again, copied is not through_json)
            assert getattr(again, "context_shape", None) == getattr(layer, "context_shape", None)
            if use == "not built":  # both uses are open
                again.build(None if name in OF_BOTH_USES else (None, 3))


def test_what_a_vamp_prior_starts_from_waits_for_the_shape():
    again = through_json(kl.VampPrior((2,), 3, initial=np.full(4, 5.0)))
    again.build((None, 4))
    assert abs(keras.ops.convert_to_numpy(again.pseudo_inputs) - 5.0).max() < 0.5


MODELS = {
    "VAE": (
        lambda: kb.models.VAE(
            kl.LearnedNormal((2,)), normal((6,), L.Dense(3)), normal((2,), L.Dense(3)), seed=0
        ),
        (X,),
    ),
    "DensityEstimator": (lambda: kb.models.DensityEstimator(flow(), seed=0), (X[:, :2],)),
    "ConditionalDensity": (
        lambda: kb.models.ConditionalDensity(flow(L.Dense(3)), seed=0),
        (X, X[:, :2]),
    ),
}


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
@pytest.mark.parametrize("state", ["not built", "compiled", "fitted"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_copied_as_it_is(name, state, tmp_path):
    make, data = MODELS[name]
    model = make()
    if state != "not built":
        model.compile("adam")
    if state == "fitted":
        model.train_on_batch(*data)

    def by_file(model):
        model.save(tmp_path / "model.keras")
        return keras.saving.load_model(tmp_path / "model.keras")

    made_of_config = (lambda m: keras.models.model_from_json(m.to_json()), keras.models.clone_model)
    for copied in (*WITH_WEIGHTS.values(), by_file, *made_of_config):
        again = copied(model)
        assert_copy(model, again, copied not in made_of_config)
        assert bool(again.compiled) == bool(model.compiled)
        if state == "fitted" and copied not in made_of_config:
            for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
                np.testing.assert_array_equal(
                    keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
                )


# What the constructors of some conditionals need beside the shape and the network.
NEEDED = {
    "ConditionalCategorical": {"classes": 3},
    "ConditionalMultivariateNormalLowRank": {"rank": 1},
}
CONDITIONALS = [
    name
    for name in kl.__all__
    if name.startswith("Conditional")
    and issubclass(getattr(kl, name), kl.Conditional)
    and name not in ("Conditional", "ConditionalJoint", "ConditionalMixture")
]


def draws(layer):
    return keras.ops.convert_to_numpy(layer.given(X).sample(seed=3))


@pytest.mark.parametrize("name", CONDITIONALS)
@pytest.mark.slow
def test_a_copy_of_a_conditional_draws_the_same(name):
    layer = getattr(kl, name)((3,), L.Dense(3), **NEEDED.get(name, {}))
    layer.build((None, 6))
    expected = draws(layer)
    for copied in (*WITH_WEIGHTS.values(), through_json):
        again = copied(layer)
        again.set_weights(layer.get_weights())
        np.testing.assert_array_equal(draws(again), expected)


def in_functional_model(layer):
    x = keras.Input((6,))
    return keras.Model(x, layer(L.Dense(4)(x)))


PLACES = {
    "sequential": lambda layer: keras.Sequential([keras.Input((6,)), L.Dense(4), layer]),
    "sequential, not built": lambda layer: keras.Sequential([L.Dense(4), layer]),
    "functional": in_functional_model,
}


def by_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.slow
def test_models_that_hold_our_layers_are_copied(place, tmp_path):
    for layer in (kl.ConditionalStudentT((2,), L.Dense(3)), flow(L.Dense(3))):
        model = PLACES[place](layer)
        expected = model(X)
        for copied in (
            *WITH_WEIGHTS.values(),
            lambda m: by_file(m, tmp_path),
            keras.models.clone_model,
            through_json,
        ):
            again = copied(model)
            if not again.built:
                again.build((None, 6))
            again.set_weights(model.get_weights())
            found = again(X)
            assert found.keys() == expected.keys()
            for key, value in found.items():
                np.testing.assert_array_equal(
                    keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(expected[key])
                )


VERBS = {
    "VAE": lambda model: model.sample(2, seed=1),
    "DensityEstimator": lambda model: model.sample(2, seed=1),
    "ConditionalDensity": lambda model: model.sample(X, seed=1),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.slow
def test_a_copy_of_a_model_draws_the_same(name, tmp_path):
    make, data = MODELS[name]
    model = make()
    model.compile("adam")
    model.train_on_batch(*data)
    expected = VERBS[name](model)
    for copied in (*WITH_WEIGHTS.values(), lambda m: by_file(m, tmp_path), through_json):
        again = copied(model)
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(VERBS[name](again), expected)
        assert again.seed == model.seed
