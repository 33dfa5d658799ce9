"""One optimizer for each player."""

import copy

import keras
import numpy as np
import pytest

from kelbo.training import Players

pytestmark = pytest.mark.core


def test_gradients_go_to_the_optimizer_of_the_owner():
    a, b = (keras.Variable(np.ones(2, "float32"), name=name) for name in "ab")
    players = Players({"a": keras.optimizers.SGD(0.1), "b": keras.optimizers.SGD(1.0)}, {"b": 2})
    players.know_owners(lambda: {"a": [a], "b": [b]})
    gradient = keras.ops.convert_to_tensor(np.ones(2, "float32"))
    for _ in range(2):
        players.apply([gradient, gradient], [b, a])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(a.value), 0.9)  # moves every other time
    np.testing.assert_allclose(keras.ops.convert_to_numpy(b.value), -1.0)
    assert len(players.variables) == 2 + len(players["a"].variables) + len(players["b"].variables)


@pytest.mark.slow
def test_saved_settings_make_the_same_optimizer():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizers = {"a": keras.optimizers.AdamW(schedule, clipnorm=1.0), "b": "rmsprop"}
    players = Players(optimizers, {"a": 4}, name="both")
    saved = keras.saving.serialize_keras_object(players)
    again = keras.saving.deserialize_keras_object(copy.deepcopy(saved))
    assert keras.saving.serialize_keras_object(again) == saved
    assert (again.name, again.steps) == ("both", {"a": 4, "b": 1})


_SHARED = keras.optimizers.SGD()
_SCALED = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())


@pytest.mark.parametrize(
    ("optimizers", "steps", "message"),
    [
        ({}, None, "empty"),
        ({"a": "sgd"}, {"b": 2}, "steps names b; the players are a"),
        ({"a": "sgd"}, {"a": 0}, "steps\\['a'\\] must be a whole number of at least 1, got 0"),
        ({"a": _SHARED, "b": _SHARED}, None, "one optimizer is given to two players"),
        (
            {"a": _SCALED},
            None,
            "of a is a LossScaleOptimizer",
        ),
        ({"a": None}, None, "the optimizer of a is None; expected an optimizer"),
        (["sgd"], None, "must be a dict of an optimizer for each player"),
    ],
)
def test_mistakes_are_named(optimizers, steps, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Players(optimizers, steps)


def test_it_must_be_told_who_owns_what():
    with pytest.raises(ValueError, match="whose the variables are"):
        Players({"a": "sgd"}).build([keras.Variable(1.0)])
