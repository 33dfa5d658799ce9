"""Sums of exponentials in the logarithm, with gradients also where a term is zero."""

import math
from typing import Any

import keras
from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats


def logsumexp(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """The logarithm of a sum of exponentials, as `keras.ops.logsumexp`.

    Where all of the terms are -inf the result is -inf and the gradient 0, where that of Keras is
    NaN, which spreads through every parameter behind it.

    Args:
        x: A tensor.
        axis: The axis or axes to sum along; None is all of them.
        keepdims: Whether the result keeps the axes, with length 1.

    Returns:
        The tensor without these axes.

    Example:
        >>> from kelbo import ops
        >>> float(ops.logsumexp([0.0, 0.0]))  # log 2
        0.693...
    """
    if isinstance(x, keras.KerasTensor):
        return ops.logsumexp(x, axis=axis, keepdims=keepdims)
    (x,) = as_floats(x)
    axes = tuple(range(len(x.shape))) if axis is None else axis
    highest = ops.stop_gradient(ops.max(x, axis=axes, keepdims=True))
    highest = ops.where(ops.isfinite(highest), highest, 0.0)
    total = ops.sum(ops.exp(x - highest), axis=axes, keepdims=True)
    none = total == 0.0
    result = ops.where(none, -math.inf, ops.log(ops.where(none, 1.0, total)) + highest)
    return result if keepdims else ops.squeeze(result, axis=axes)


def softmax(x: Any, axis: int = -1) -> Any:
    """Exponentials divided by their sum, as `keras.ops.softmax`.

    Along an axis of length 1 all are 1: the probabilities of a single class. Keras warns of that,
    as of a mistake in a network.

    Args:
        x: A tensor.
        axis: The axis to sum along.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> from kelbo import ops
        >>> ops.softmax([0.0, 0.0])
        [0.5, 0.5]
    """
    if not isinstance(x, keras.KerasTensor):
        (x,) = as_floats(x)
    rank = len(x.shape)
    if -rank <= axis < rank and x.shape[axis] == 1:
        return ops.softmax(x, axis=(axis % rank,))  # of several axes Keras asks nothing
    return ops.softmax(x, axis=axis)


def logcumsumexp(x: Any, axis: int = -1) -> Any:
    """The logarithm of the cumulative sum of exponentials; -inf, with no gradient, of none.

    Args:
        x: A tensor.
        axis: The axis to sum along.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> from kelbo import ops
        >>> ops.exp(ops.logcumsumexp([0.0, 0.0, 0.0]))
        [1., 2., 3.]
    """
    (x,) = as_floats(x)
    # Finite instead of -inf: the backends' gradients are NaN before the first finite term.
    result = backend.logcumsumexp(ops.where(x == -math.inf, _NOTHING, x), axis)
    return ops.where(result <= 0.5 * _NOTHING, -math.inf, result)


_NOTHING = -1e30  # as good as -inf in the exponent, in float32 too
