"""A network that takes rows, applied to values and contexts with any leading axes."""

import math
from collections.abc import Callable
from typing import Any

from kelbo import ops


def on_rows(
    function: Callable[[Any, Any], Any],
    value: Any,
    value_rank: int,
    context: Any = None,
    context_rank: int = 0,
) -> Any:
    """Applies a function of rows to values and contexts, whose leading axes broadcast.

    Args:
        function: From values of shape (n, ...) and contexts of shape (n, ...), or None, to a tensor
            of shape (n, ...).
        value: Tensor whose last `value_rank` axes make up one value.
        value_rank: A number of axes.
        context: Tensor whose last `context_rank` axes make up one context, or None.
        context_rank: A number of axes.

    Returns:
        A tensor with the common leading axes in the place of n.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers.flows.leading_axes import on_rows
        >>> value, context = ops.ones((4, 1, 2)), ops.ones((3, 5))
        >>> on_rows(lambda v, c: ops.concatenate([v, c], axis=-1), value, 1, context, 1).shape
        (4, 3, 7)
    """
    leading = ops.shape(value)[: len(value.shape) - value_rank]
    if context is not None:
        context = ops.cast(context, value.dtype)
        of_context = ops.shape(context)[: len(context.shape) - context_rank]
        if _static(value, value_rank) != _static(context, context_rank):
            leading = ops.shape(ops.zeros(leading) + ops.zeros(of_context))
            value = _broadcast(value, value_rank, leading)
            context = _broadcast(context, context_rank, leading)
    if len(leading) == 1:
        return function(value, context)
    value = _folded(value, value_rank)
    result = function(value, None if context is None else _folded(context, context_rank))
    return ops.reshape(result, (*leading, *result.shape[1:]))


def _broadcast(x, rank, leading):
    return ops.broadcast_to(x, (*leading, *x.shape[len(x.shape) - rank :]))


def _static(x, rank):
    return tuple(x.shape[: len(x.shape) - rank])


def _folded(x, rank):
    return ops.reshape(x, (-1, *x.shape[len(x.shape) - rank :]))


def joined(value: Any, context: Any) -> Any:
    """Rows of values with their contexts beside them, as one input for a network.

    Vectors are concatenated (a context of higher rank is flattened). To an image, a context on the
    same grid is added as channels, any other as a vector that is the same in every pixel.

    Args:
        value: Tensor of shape (n, ..., channels).
        context: Tensor of shape (n, ...), or None.

    Returns:
        A tensor of the rank of `value`.
    """
    if context is None:
        return value
    grid = tuple(value.shape[1:-1])
    if not grid or tuple(context.shape[1:-1]) != grid:
        if len(context.shape) > 2:
            context = ops.reshape(context, (ops.shape(context)[0], -1))
        for _ in grid:
            context = ops.expand_dims(context, 1)
        context = ops.broadcast_to(context, (*ops.shape(value)[:-1], context.shape[-1]))
    return ops.concatenate([value, context], axis=-1)


def joined_shape(value_shape: tuple, context_shape: tuple | None) -> tuple:
    """The shape of one row of `joined`.

    Args:
        value_shape: Shape (..., channels) of one value.
        context_shape: Shape of one context, or None.

    Returns:
        A tuple.

    Example:
        >>> from kelbo.layers.flows.leading_axes import joined_shape
        >>> joined_shape((8, 8, 3), (10,))
        (8, 8, 13)
    """
    if context_shape is None:
        return tuple(value_shape)
    grid = tuple(value_shape[:-1])
    is_on_grid = bool(grid) and tuple(context_shape[:-1]) == grid
    added = context_shape[-1] if is_on_grid else math.prod(context_shape)
    return (*grid, value_shape[-1] + added)
