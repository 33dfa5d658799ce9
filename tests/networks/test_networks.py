"""Networks as people write them, wherever a network goes."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo.estimators import LearnedBaseline, ScoreFunction
from kelbo.networks import as_network, build_network

pytestmark = pytest.mark.core
L = keras.layers
registered = keras.saving.register_keras_serializable("kelbo-tests-networks")
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


@registered
class WithoutBuild(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.features = L.Dense(4, "tanh"), L.Dense(3)

    def call(self, x):
        return self.features(self.hidden(x))


@registered
class WithBuild(L.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

    def call(self, x, training=False, mask=None):
        return keras.ops.tanh(keras.ops.matmul(x, self.kernel))


@registered
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features, self.dropout = L.Dense(3), L.Dropout(0.5, seed=0)

    def call(self, x, training=None):
        return self.dropout(self.features(x), training=training)


@registered
class Bayesian(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features = kl.DenseVariational(3, kl_weight=0.1, seed=0)

    def call(self, x):
        return self.features(x)


@registered
class KeepsShape(L.Layer):
    def call(self, x):
        return x / 2.0


def functional(size):
    inputs = keras.Input((size,))
    return keras.Model(inputs, WithoutBuild()(inputs))


def called(network, size):
    network(np.zeros((2, size), "float32"))
    return network


def in_time(network, size):
    return keras.Sequential([L.Reshape((size, 1)), network, L.GlobalAveragePooling1D()])


WAYS = {
    "layer without build": lambda size: WithoutBuild(),
    "layer with build": lambda size: WithBuild(),
    "model": lambda size: Subclassed(),
    "layer that was called": lambda size: called(WithoutBuild(), size),
    "model that was called": lambda size: called(Subclassed(), size),
    "functional": functional,
    "sequential": lambda size: keras.Sequential([WithoutBuild(), Subclassed(), WithBuild()]),
    "sequential with input": lambda size: keras.Sequential([keras.Input((size,)), WithBuild()]),
    "recurrent": lambda size: in_time(L.Bidirectional(L.GRU(2, return_sequences=True)), size),
    "layer at each time": lambda size: in_time(L.TimeDistributed(WithoutBuild()), size),
    "random weights": lambda size: Bayesian(),
}

COMMON = ("layer without build", "layer with build", "model", "layer at each time")


def normal(shape, network=None):
    return kl.ConditionalNormal(shape, network)


def trained(model, *data):
    """The model after one step, which has moved every weight."""
    model.compile("adam")
    model.train_on_batch(*data)
    moments = [v for v in model.optimizer.variables if v.path.endswith("_velocity")]
    assert len(moments) == len(model.trainable_variables)
    assert all(float(keras.ops.max(v)) > 0 for v in moments)
    return model


def assert_survives_a_file(model, folder, *data):
    model.save(folder / "model.keras")
    again = keras.saving.load_model(folder / "model.keras")
    assert len(again.trainable_variables) == len(model.trainable_variables)
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(
        model.evaluate(*data, verbose=0), again.evaluate(*data, verbose=0), rtol=1e-5
    )


@pytest.mark.filterwarnings("ignore:.*build.* was called on layer")  # Keras', of WithoutBuild
@pytest.mark.parametrize(
    "way", [way if way in COMMON else pytest.param(way, marks=pytest.mark.slow) for way in WAYS]
)
def test_any_way_of_writing_a_network_trains_and_is_saved(way, tmp_path):
    model = kb.models.ConditionalDensity(normal((2,), WAYS[way](6)), seed=0)
    assert_survives_a_file(trained(model, X, X[:, :2]), tmp_path, X, X[:, :2])


def vae():
    return kb.models.VAE(
        kd.Normal.standard((2,)),
        normal((6,), WithoutBuild()),
        normal((2,), WithoutBuild()),
        kb.objectives.ELBO(
            kl="monte_carlo", estimator=ScoreFunction(baseline=LearnedBaseline(WithoutBuild()))
        ),
        preprocessing=KeepsShape(),
        seed=0,
    )


def regression_flow():
    coupling = kl.AffineCoupling((2,), WithoutBuild())
    flow = kl.Flow(kd.Normal.standard((2,)), [coupling], WithoutBuild())
    return kb.models.ConditionalDensity(flow, seed=0)


@pytest.mark.filterwarnings("ignore:.*build.* was called on layer")
@pytest.mark.parametrize(
    ("make", "data"), [(vae, (X,)), (regression_flow, (X, X[:, :2]))], ids=["vae", "flow"]
)
@pytest.mark.few(1)
def test_a_network_goes_everywhere(make, data, tmp_path):
    assert_survives_a_file(trained(make(), *data), tmp_path, *data)


def test_variables_made_in_a_trace_train():
    layer = normal((2,), WithoutBuild())
    with keras.StatelessScope():
        layer.build((None, 6))
    assert all(v.value is not None for v in layer.trainable_variables)


def test_networks_that_look_up_take_integers():
    class LookUp(L.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(10, 3))

        def call(self, ids):
            assert "int" in keras.backend.standardize_dtype(ids.dtype)
            return keras.ops.sum(keras.ops.take(self.table, ids, axis=0), 1)

    assert build_network("Here", LookUp(), (None, 4)) == (None, 3)


@registered
class Two(L.Layer):
    def call(self, x):
        return {"a": x, "b": x}


class Broken(L.Layer):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(2)

    def call(self, x):
        return self.dense(x) + self.missing


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: Two(), r"Here: its network, a Two, must return one tensor .* {'a': \(None, 6\)"),
        (lambda: Broken(), r"a Broken, cannot take a batch of shape \(None, 6\): .* 'missing'"),
        (lambda: functional(5), r"cannot take a batch of shape \(None, 6\): .*\(None, 5\)"),
    ],
)
def test_what_a_network_does_wrong_is_said(network, message):
    with pytest.raises(ValueError, match=message):
        build_network("Here", network(), (None, 6))


def double(x):
    return 2 * x


PLACES = {
    "conditional": lambda network: normal((2,), network),
    "coupling": lambda network: kl.AffineCoupling((2,), network),
    "baseline": LearnedBaseline,
    "preprocessing": lambda network: kb.models.VAE(
        kd.Normal.standard((2,)), normal((6,)), normal((2,)), preprocessing=network
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (double, r"must be a Keras layer .* the function double: .*Lambda\(double\)"),
        (L.Dense, r"the class Dense, not a layer of it: give Dense\(\.\.\.\)"),
        ("relu", r"the name 'relu': give a layer, such as keras.layers.Dense\(16, 'relu'\)"),
        ([L.Dense(2)], r"a list: keras.Sequential\(\[...\]\) makes one network"),
        (3, "or None, got 3"),
    ],
    ids=["function", "class", "name", "list", "number"],
)
def test_what_is_no_network_is_refused(place, given, message):
    with pytest.raises(TypeError, match=message):
        PLACES[place](given)


def test_the_parts_of_a_vae_are_conditionals():
    with pytest.raises(TypeError, match=r"posterior must be a conditional .* got a Dense"):
        kb.models.VAE(kd.Normal.standard((2,)), normal((6,)), L.Dense(2))
    model = kb.models.VAE(
        kd.Normal.standard((2,)), normal((6,)), normal((2,)), preprocessing=L.Dense(3)
    )
    with pytest.raises(ValueError, match=r"preprocessing makes values of shape \(3,\)"):
        model.build((None, 6))


def test_a_layer_is_a_network():
    layer = L.Dense(2)
    assert as_network("Here", layer) is layer
    assert as_network("Here", None) is None
