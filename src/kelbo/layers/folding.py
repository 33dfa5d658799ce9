"""A layer that takes one batch axis, applied to a context with any number of leading axes."""

from typing import Any

import keras

from kelbo import ops


def parameters_given(
    layer: keras.layers.Layer, context: Any, context_shape: tuple | None
) -> dict[str, Any]:
    """What a layer returns for a context, whose leading axes are folded into one batch.

    Args:
        layer: Takes a tensor of shape (batch, *context shape), returns a dict of tensors with the
            batch in front.
        context: Tensor of shape (..., *context shape).
        context_shape: Shape of one context, of which the rank counts; None where the layer is not
            built yet, which takes the first axis alone for the batch.

    Returns:
        The dict, with the leading axes in the place of the batch.

    Raises:
        TypeError: `context` is a symbolic tensor.
    """
    if isinstance(context, keras.KerasTensor):
        raise TypeError(
            f"{type(layer).__name__}.given was called with a symbolic KerasTensor. Inside a "
            "functional model, call the layer itself, which returns the parameters as "
            "tensors; given() belongs into the call() of a layer or model, or a loss."
        )
    context = ops.convert_to_tensor(context)
    leading_axes = 1 if context_shape is None else len(context.shape) - len(context_shape)
    if leading_axes == 1:
        return layer(context)
    shape = ops.shape(context)
    leading = shape[:leading_axes]
    folded = layer(ops.reshape(context, (-1, *shape[leading_axes:])))
    return {n: ops.reshape(value, (*leading, *value.shape[1:])) for n, value in folded.items()}
