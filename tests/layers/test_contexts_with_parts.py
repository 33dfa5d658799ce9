"""Contexts that are dicts or tuples of tensors: folded, built, saved, and refused where unfit."""

import keras
import numpy as np
import pytest

from kelbo import layers as kl
from kelbo import ops
from kelbo.bijectors import Affine

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

L = keras.layers
Z = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
LABEL = np.eye(4, 5, dtype="float32")
VALUE = np.full(3, 3**-0.5, "float32")
PARTS = {"dict": {"z": Z, "label": LABEL}, "tuple": (Z, LABEL)}


def numbers(x):
    return ops.convert_to_numpy(x)


def network():
    return keras.Sequential([kl.ConcatenateParts(), L.Dense(4, "tanh")])


CASES = {
    "normal": lambda: kl.ConditionalNormal((3,), network()),
    "triangle": lambda: kl.ConditionalMultivariateNormalTriL((3,), network()),
    "family": lambda: kl.ConditionalStudentT((3,), network()),
    "direction": lambda: kl.ConditionalVonMisesFisher((3,), network()),
    "mixture": lambda: kl.ConditionalMixture(kl.ConditionalNormal((3,)), network(), components=2),
    "autoregressive": lambda: kl.ConditionalAutoregressiveNormal((3,), network(), hidden=(4,)),
    "flow": lambda: kl.Flow(
        kl.ConditionalNormal((3,)), [kl.AffineCoupling((3,), L.Dense(4))], network()
    ),
    "scaled": lambda: kl.Flow(kl.ConditionalNormal((3,), network()), [Affine(1.0, 2.0)]),
}


def at(parts, sample):
    """The parts of one sample: z of shape (batch, 2) beside the labels."""
    z, label = keras.tree.map_structure(np.asarray, (Z[sample], LABEL))
    return {"z": z, "label": label} if isinstance(parts, dict) else (z, label)


def shapes(parts):
    return (
        {"z": (None, 2), "label": (None, 5)} if isinstance(parts, dict) else ((None, 2), (None, 5))
    )


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.few(1)
def test_parts_are_broadcast_and_folded(name, kind):
    """A draw of z for each sample, a label for each example: one batch for the network."""
    layer, parts = CASES[name](), PARTS[kind]
    layer.build(shapes(parts))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.context_shape == layer.context_shape
    again.set_weights(layer.get_weights())

    def log_prob(z, label):
        both = {"z": z, "label": label} if kind == "dict" else (z, label)
        d = layer.given(both)
        assert len(d.batch_shape) == 2
        return d.log_prob(VALUE)

    folded = numbers(ops.compile(log_prob, layer.variables)(Z, LABEL))
    assert folded.shape == (3, 4)
    one = numbers(again.given(at(parts, 1)).log_prob(VALUE))
    np.testing.assert_allclose(folded[1], one, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_leading_axes_are_broadcast_as_numpy_does():
    layer = CASES["normal"]()
    layer.build(shapes(PARTS["dict"]))
    given = layer.given({"z": Z[:, :1], "label": LABEL[0]})
    assert given.batch_shape == (3, 1)
    expected = numbers(layer.given(at(PARTS["dict"], 2)).mean())[0]
    one = layer.given({"z": Z[2, 0], "label": LABEL[0]})
    assert one.batch_shape == ()
    np.testing.assert_allclose(numbers(one.mean()), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(numbers(given.mean())[2, 0], expected, rtol=1e-4, atol=1e-5)


def test_one_part_is_mapped_and_the_others_go_through(tmp_path):
    scaling = kl.Bijection(Affine(shift=1.0, scale=2.0), invert=True, part="z")
    layer = kl.ConditionalNormal((3,), keras.Sequential([scaling, *network().layers]))
    plain = kl.ConditionalNormal((3,), keras.Sequential(network().layers))
    for each in (layer, plain):
        each.build(shapes(PARTS["dict"]))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    for each in (plain, again):
        each.set_weights(layer.get_weights())
    parts = at(PARTS["dict"], 0)
    expected = numbers(plain.given({**parts, "z": (parts["z"] - 1.0) / 2.0}).mean())
    for each in (layer, again):
        np.testing.assert_allclose(numbers(each.given(parts).mean()), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.slow
def test_functional_models_of_parts_are_saved(kind, tmp_path):
    inputs = keras.Input((2,), name="z"), keras.Input((5,), name="label")
    inputs = {x.name: x for x in inputs} if kind == "dict" else inputs
    model = keras.Model(inputs, CASES["normal"]()(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    batch = at(PARTS[kind], 0)
    expected, found = (m.predict(batch, verbose=0) for m in (model, again))
    np.testing.assert_array_equal(found["loc"], expected["loc"])


def test_concatenated_parts_are_flat_and_in_order(tmp_path):
    layer = kl.ConcatenateParts()
    parts = {"b": np.ones((2, 2, 2)), "a": {"y": np.array([3, 4]), "x": np.zeros((2, 1))}}
    assert numbers(layer(parts)).tolist() == [[0, 3, 1, 1, 1, 1], [0, 4, 1, 1, 1, 1]]
    assert layer.compute_output_shape(keras.tree.map_structure(np.shape, parts)) == (2, 6)
    with pytest.raises(ValueError, match=r'context\["b"\] has the shape \(None, None\); only the'):
        kl.ConcatenateParts().build({"b": (None, None)})
    model = network()
    expected = numbers(model(at(PARTS["dict"], 0)))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numbers(again(at(PARTS["dict"], 0))), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_network_may_look_one_part_up():
    class Both(L.Layer):
        def __init__(self):
            super().__init__()
            self.table, self.dense = L.Embedding(9, 2), L.Dense(3)

        def call(self, parts):
            return self.dense(parts["z"]) + self.dense(self.table(parts["label"]))

    layer = kl.ConditionalNormal((3,), Both())
    layer.build({"z": (None, 2), "label": (None,)})
    assert layer.given({"z": Z, "label": np.arange(4)}).batch_shape == (3, 4)


def built(make=CASES["normal"], parts=PARTS["dict"]):
    layer = make()
    layer.build(shapes(parts))
    return layer


MISTAKES = {
    "a part is missing": (
        lambda: built().given({"z": Z}),
        r'^ConditionalNormal: context has no context\["label"\]; expected the parts context\["z"\]',
    ),
    "a part is unknown": (
        lambda: built().given({"z": Z, "label": LABEL, "w": Z}),
        r'context has context\["w"\], which is not known; expected the parts',
    ),
    "one tensor": (lambda: built().given(Z), r"context is one array; expected the parts"),
    "parts for a layer of one tensor": (
        lambda: _of_one().given({"z": Z}),
        r'context has context\["z"\], which is not known; expected one array',
    ),
    "axes that do not go together": (
        lambda: built().given({"z": Z, "label": LABEL[:3]}),
        r'must broadcast .* \(3, 4\) of context\["z"\], \(3,\) of context\["label"\]',
    ),
    "too few axes": (
        lambda: built().given({"z": Z, "label": np.float32(1)}),
        r'context\["label"\] has the shape \(\); expected at least 1 axes',
    ),
    "another shape": (
        lambda: built().check_context({"z": (2,), "label": (6,)}),
        r"a Sequential, cannot take a batch of shape .*; it was built for contexts of \{",
    ),
    "another rank": (
        lambda: built().check_context({"z": (2,), "label": (5, 1)}),
        r"a context has the shape \{.*\}, but it was built for contexts of",
    ),
    "no network": (
        lambda: kl.ConditionalNormal((3,)).build(shapes(PARTS["dict"])),
        r'the parts context\["z"\], context\["label"\], and there is no network .*ConcatenateParts',
    ),
    "a layer of a flow": (
        lambda: kl.AffineCoupling((3,)).build(shapes(PARTS["dict"])),
        r"^AffineCoupling: a context has the parts .* a layer of a flow takes one tensor",
    ),
}


def _of_one():
    layer = kl.ConditionalNormal((3,))
    layer.build((None, 2))
    return layer


@pytest.mark.parametrize(("call", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_symbolic_parts_are_refused():
    with pytest.raises(TypeError, match="symbolic KerasTensor"):
        built().given({"z": keras.Input((2,)), "label": LABEL})
