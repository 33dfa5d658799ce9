"""Whether a model trains, told to the layers within it."""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from kelbo.keras_internals import layers_within, seed_generators


def run_in_training(function: Callable[[], Any]) -> Any:
    """Runs a function so that layers which it calls know that the model trains.

    Keras' loop on JAX runs the `call` of a model by itself, not in a call of a layer, from which
    the layers within would learn of `training=True`: a Dropout there would do nothing, where it
    works on TensorFlow and PyTorch. Here the function is run in such a call.

    Args:
        function: Takes nothing.

    Returns:
        What the function returns.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.training.mode import run_in_training
        >>> dropout = keras.layers.Dropout(0.5, seed=0)
        >>> int(keras.ops.sum(dropout(np.ones(100)))), int(keras.ops.sum(
        ...     run_in_training(lambda: dropout(np.ones(100))) == 0)) > 20
        (100, True)
    """
    return _Training(function)(training=True)


@contextlib.contextmanager
def random_layers_in_training(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Within, those of the layers that draw at random do so as in training, and no others.

    A layer draws at random if it, or a layer within it, owns a `keras.random.SeedGenerator`, as
    `Dropout`, `GaussianNoise` and the augmentations do, the cell of an `LSTM`, and a block around a
    `Dropout`; layers of one's own have to. All others, such as `BatchNormalization`, are called
    with `training=False`, whatever the layer around them is told. So Monte Carlo dropout draws
    networks, and the network that is drawn from is the one that was trained.

    Args:
        layers: All layers of the model that is called within, also those within others.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.training.mode import random_layers_in_training
        >>> layers = [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=0)]
        >>> model = keras.Sequential([keras.Input((100,)), *layers])
        >>> with random_layers_in_training(layers):
        ...     drawn = keras.ops.convert_to_numpy(model(np.ones((1, 100)), training=False))
        >>> int((drawn == 0).sum()) > 20
        True
    """
    layers = [layer for layer in layers if _takes_training(layer)]
    for layer in layers:
        # Past Keras, which takes what is set for state.
        vars(layer)["call"] = _with_training(layer.call, _draws_at_random(layer))
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)["call"]


def _takes_training(layer):
    return "training" in inspect.signature(layer.call).parameters


def _draws_at_random(layer):
    return any(seed_generators(each) for each in layers_within(layer))


def _with_training(call, training):
    signature = inspect.signature(call)

    def called(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.arguments["training"] = training
        return call(*bound.args, **bound.kwargs)

    return called


class _Training(keras.layers.Layer):
    """A call of a layer around a function."""

    def __init__(self, function: Callable[[], Any]):
        # Not the policy of the program: under a mixed one Keras would cast all variables within.
        super().__init__(dtype="float32", autocast=False)
        self._function = function

    def call(self, training: bool | None = None) -> Any:
        return self._function()
