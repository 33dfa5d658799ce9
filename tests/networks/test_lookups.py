"""Numbers that the tables of a network do not hold are refused, wherever they come from."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import layers as kl
from kelbo.networks import require_known_numbers

pytestmark = pytest.mark.core
L = keras.layers


def functional(structure):
    """A table of five rows for "label", beside an input of numbers."""
    x, label = keras.Input((2,), name="x"), keras.Input((), dtype="int32", name="label")
    features = L.Concatenate()([x, L.Embedding(5, 2)(label)])
    return keras.Model(structure(x, label), features)


def after_a_layer():
    class Half(L.Layer):
        def call(self, x):
            return x // 2

    return keras.Sequential([Half(), L.Embedding(5, 2)])


class Wrapping(L.Embedding):
    """It holds any number."""


X = np.full((3, 2), 0.5)
NETWORKS = {  # name: (network, what it gets of labels)
    "a table": (lambda: L.Embedding(5, 2), lambda labels: labels),
    "a sequence": (
        lambda: keras.Sequential([keras.Input((), dtype="int32"), L.Embedding(5, 2), L.Flatten()]),
        lambda labels: labels,
    ),
    "a sequence in a sequence": (
        lambda: keras.Sequential([keras.Sequential([L.CategoryEncoding(5, "one_hot")])]),
        lambda labels: labels[:, None],
    ),
    "a model of a dict": (
        lambda: functional(lambda x, label: {"x": x, "label": label}),
        lambda labels: {"x": X, "label": labels},
    ),
    "a model of a tuple": (
        lambda: functional(lambda x, label: (x, label)),
        lambda labels: (X, labels),
    ),
}
GOOD = (np.array([0, 4, 2]), np.array([0.0, 4.0, 1.0]), np.array([True, False, True]))
BAD = (np.array([0, 5, 2]), np.array([0, -1, 2]), np.array([0.0, 1.5, 2.0], "float32"))


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_that_a_table_does_not_hold(name):
    make, given = NETWORKS[name]
    network = make()
    for labels in GOOD:
        require_known_numbers("Here", "x", network, given(labels))
    for labels in BAD:
        found = f"first: {labels[1]:g} at \\[1"
        with pytest.raises(ValueError, match=f"Here: 1 of the 3 .* from 0 to 4 \\({found}"):
            require_known_numbers("Here", "x", network, given(labels))


def test_what_is_not_seen_or_not_known_passes():
    bad = BAD[0]
    for network in (None, L.Dense(2), after_a_layer(), Wrapping(5, 2), keras.Sequential()):
        require_known_numbers("Here", "x", network, bad)
    network = functional(lambda x, label: {"x": x, "label": label})
    for values in (None, {"x": X}, {"x": X, "label": None}):
        require_known_numbers("Here", "x", network, values)


def test_contexts_are_looked_at_before_a_fit_and_by_every_verb():
    network = functional(lambda x, label: {"x": x, "label": label})
    model = kb.models.ConditionalDensity(kl.ConditionalNormal((1,), network), seed=0)
    model.compile("adam")
    y = np.zeros((3, 1), "float32")
    bad, good = ({"x": X, "label": labels} for labels in (BAD[0], GOOD[0]))
    model.fit(good, y, verbose=0)
    uses = (
        lambda: model.fit(bad, y, verbose=0),
        lambda: model.predict(bad, verbose=0),
        lambda: model.log_prob(bad, y),
        lambda: model.sample(bad, 2),
    )
    for use in uses:
        with pytest.raises(
            ValueError, match=r'ConditionalDensity: 1 of .* x\["label"\] are not in'
        ):
            use()


def test_a_part_that_a_conditional_depends_on_is_named():
    conditional = kl.ConditionalNormal((1,), L.Embedding(5, 2), parents="label")
    context = {"label": BAD[1], "z": None}
    with pytest.raises(ValueError, match=r'VAE: 1 of the 3 values of context\["label"\] are not'):
        conditional.check_numbers("VAE", "context", context)
