"""What the compiled functions of a model read."""

from typing import Any

import keras

from kelbo import ops
from kelbo.keras_internals import layers_within
from kelbo.parameters.parametrized import Parametrized

# Settings whose change is seen in the next compiled call, as that of a variable is.
_SETTINGS = ("trainable", "dtype_policy")


def model_state(model: keras.Model) -> list[Any]:
    """The objects that a model is made of, in an order that stays.

    They are its variables and its layers, and of each layer whether it trains, its dtype policy,
    and the tensors and distributions that it holds beside its variables (as `Normalization` does
    once it is adapted). A compiled function is good for as long as these are the same objects.

    Args:
        model: The model.

    Returns:
        A list, to be compared with a later one by `ops.compilation.are_identical`.

    Example:
        >>> import keras, kelbo as kb
        >>> from kelbo.ops.compilation import are_identical
        >>> from kelbo.training.state import model_state
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> before = model_state(model)
        >>> are_identical(before, model_state(model))
        True
        >>> model.layers[0].trainable = False
        >>> are_identical(before, model_state(model))
        False
    """
    state = list(model.variables)
    for layer in layers_within(model):
        state.append(layer)
        state += [getattr(layer, name) for name in _SETTINGS]
        for value in vars(layer).values():
            if _is_kind_of_constant(value) and ops.is_concrete(value):
                state.append(value)
    return state


def _is_kind_of_constant(value):
    kind = type(value)
    if kind not in _KINDS:
        _KINDS[kind] = isinstance(value, Parametrized) or keras.ops.is_tensor(value)
    return _KINDS[kind]


# Asked for every attribute of every layer: by type, once.
_KINDS: dict[type, bool] = {}
