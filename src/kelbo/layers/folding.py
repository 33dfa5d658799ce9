"""A layer that takes one batch axis, applied to a context with any number of leading axes."""

import functools
from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.parts import (
    has_parts,
    is_shape,
    map_parts,
    map_shapes,
    named_parts,
    require_same_parts,
    shapes_of,
)


def parameters_given(
    layer: keras.layers.Layer, context: Any, context_shape: Any | None
) -> dict[str, Any]:
    """What a layer returns for a context, whose leading axes are folded into one batch.

    Args:
        layer: Takes a tensor of shape (batch, *context shape), returns a dict of tensors with the
            batch in front.
        context: Tensor of shape (..., *context shape), or a dict or tuple of such, whose leading
            axes are broadcast against each other.
        context_shape: Shape of one context, of which the rank counts; None where the layer is not
            built yet, which takes the first axis alone for the batch.

    Returns:
        The dict, with the leading axes in the place of the batch.

    Raises:
        TypeError: `context` is a symbolic tensor.
        ValueError: It has other parts than the layer was built for, or too few axes, or the leading
            axes of its parts do not broadcast against each other.
    """
    owner = type(layer).__name__
    if any(isinstance(part, keras.KerasTensor) for part in keras.tree.flatten(context)):
        raise TypeError(
            f"{owner}.given was called with a symbolic KerasTensor. Inside a "
            "functional model, call the layer itself, which returns the parameters as "
            "tensors; given() belongs into the call() of a layer or model, or a loss."
        )
    is_built = context_shape is not None
    context = _as_tensors(context, not is_shape(context_shape) if is_built else has_parts(context))
    if not is_built:
        return layer(context)
    require_same_parts(owner, "context", shapes_of(context), context_shape)
    ranks = map_shapes(len, context_shape)
    leading = _leading_axes(owner, context, ranks)
    if leading is None:
        return layer(context)

    def fold(part, rank):
        shape = ops.shape(part)
        event = shape[len(shape) - rank :]
        whole = part if is_shape(context_shape) else ops.broadcast_to(part, (*leading, *event))
        return ops.reshape(whole, (-1, *event))

    folded = layer(map_parts(fold, context, ranks))
    return {n: ops.reshape(value, (*leading, *value.shape[1:])) for n, value in folded.items()}


def _as_tensors(context, with_parts):
    if with_parts and isinstance(context, list):
        context = tuple(context)
    if isinstance(context, Mapping) or (with_parts and isinstance(context, tuple)):
        return map_parts(ops.convert_to_tensor, context)
    return ops.convert_to_tensor(context)


def _leading_axes(owner, context, ranks):
    """The sizes of the leading axes that all parts have together; None for the batch alone."""
    by_part = {}
    of_ranks = dict(named_parts("context", ranks))
    for name, part in named_parts("context", context):
        count = len(part.shape) - of_ranks[name]
        if count < 0:
            raise ValueError(
                f"{owner}: {name} has the shape {tuple(part.shape)}; expected at least "
                f"{of_ranks[name]} axes, those of one context."
            )
        by_part[name] = tuple(ops.shape(part)[:count])
    if all(len(sizes) == 1 for sizes in by_part.values()) and len(_known(by_part)) < 2:
        return None
    longest = max(map(len, by_part.values()))
    padded = [(1,) * (longest - len(sizes)) + sizes for sizes in by_part.values()]
    try:
        return tuple(_common_size(sizes) for sizes in zip(*padded, strict=True))
    except ValueError:
        shown = ", ".join(f"{sizes} of {name}" for name, sizes in by_part.items())
        raise ValueError(
            f"{owner}: the leading axes of the parts of a context must broadcast against each "
            f"other; got {shown}."
        ) from None


def _known(by_part):
    return {sizes[0] for sizes in by_part.values() if isinstance(sizes[0], int)}


def _common_size(sizes):
    """As NumPy broadcasts; a size that is a tensor is known only when the program runs."""
    known = {size for size in sizes if isinstance(size, int) and size != 1}
    if known:
        (size,) = known
        return size
    unknown = [size for size in sizes if not isinstance(size, int)]
    return functools.reduce(ops.maximum, unknown) if unknown else 1
