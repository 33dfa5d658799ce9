"""The two uses of a layer of a flow: with a context, or without one."""

from typing import Any

import keras

from kelbo import ops
from kelbo.layers.folding import parameters_given
from kelbo.parts import map_parts


def parameters_of_use(layer: keras.layers.Layer, context: Any) -> dict[str, Any]:
    """The parameters for a context, or those of a layer without one, which is built if it is not.

    Args:
        layer: A layer with `parameters_of`, whose `build` takes None where there is no context.
        context: Tensor of shape (..., *context shape), or a dict or tuple of such; or None.

    Returns:
        A dict of tensors by name, with the leading axes of the context in front.

    Raises:
        ValueError: The layer was built with a context and none is given, or the other way round.
        TypeError: `context` is a symbolic tensor.
    """
    if layer.built:
        require_same_use(layer, context, layer.context_shape)
    if context is not None:
        return parameters_given(layer, context, layer.context_shape)
    layer.build(None)
    return layer.parameters_of(None)


def require_same_use(layer: keras.layers.Layer, context: Any, context_shape: tuple | None) -> None:
    """Checks that a layer which was built with a context gets one, and one without gets none.

    Args:
        layer: The layer, for the error.
        context: What is given now.
        context_shape: The shape of one context when it was built, or None.

    Raises:
        ValueError: The two differ.
    """
    if context is None and context_shape is not None:
        raise ValueError(
            f"{type(layer).__name__} was built for contexts of shape {context_shape}, but no "
            "context is given: call given(context)."
        )
    if context is not None and context_shape is None:
        raise ValueError(
            f"{type(layer).__name__} was built without a context, but one of shape "
            f"{map_parts(lambda part: tuple(ops.shape(part)), context)} is given: make another "
            "layer for the conditional use."
        )
