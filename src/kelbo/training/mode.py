"""Whether a model trains, told to the layers within it."""

from collections.abc import Callable
from typing import Any

import keras


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


class _Training(keras.layers.Layer):
    """A call of a layer around a function."""

    def __init__(self, function: Callable[[], Any]):
        # Not the policy of the program: under a mixed one Keras would cast all variables within.
        super().__init__(dtype="float32", autocast=False)
        self._function = function

    def call(self, training: bool | None = None) -> Any:
        return self._function()
