"""Sums of exponentials in the logarithm, with gradients also where a term is zero."""

import math

import keras
from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.float64 import mended
from kelbo.ops.floats import as_floats
from kelbo.typing import Tensor

_argmax = mended.get("argmax", ops.argmax)


def logsumexp(
    x: Tensor, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Tensor:
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


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Exponentials divided by their sum, as `keras.ops.softmax`.

    The slopes keep their digits where one share is nearly 1, as those of `sigmoid` do. Along an
    axis of length 1 all are 1: the probabilities of a single class. Keras warns of that, as of a
    mistake in a network.

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
    if isinstance(x, keras.KerasTensor):
        rank = len(x.shape)
        if -rank <= axis < rank and x.shape[axis] == 1:
            return ops.softmax(x, axis=(axis % rank,))  # of several axes Keras asks nothing
        return ops.softmax(x, axis=axis)
    _, others, rest = _beside_largest(x, axis)
    return others / (1.0 + rest)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`, as `keras.ops.log_softmax`, with the digits of a share near 1.

    Args:
        x: A tensor.
        axis: The axis to sum along.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> from kelbo import ops
        >>> float(ops.log_softmax([0.0, -20.0])[0])
        -2.061...e-09
    """
    if isinstance(x, keras.KerasTensor):
        return ops.log_softmax(x, axis=axis)
    logits, _, rest = _beside_largest(x, axis)
    return logits - ops.log1p(rest)


def _beside_largest(x, axis):
    """The logits less the largest, their exponentials, and the sum of those but the largest.

    The largest itself is 0 and 1 whatever it is, so that nothing but the rest has a slope by it.
    """
    (x,) = as_floats(x)
    axis = axis % len(x.shape)
    first = _argmax(x, axis=axis, keepdims=True)
    places = ops.arange(ops.shape(x)[axis], dtype=first.dtype)
    places = ops.reshape(places, [-1 if i == axis else 1 for i in range(len(x.shape))])
    is_largest = ops.equal(places, first)
    # Of one place alone: the slope of a maximum is shared by equals.
    largest = ops.sum(ops.where(is_largest, x, 0.0), axis=axis, keepdims=True)
    logits = ops.where(is_largest, 0.0, x - largest)
    others = ops.exp(logits)
    rest = ops.sum(ops.where(is_largest, 0.0, others), axis=axis, keepdims=True)
    return logits, others, rest


def logcumsumexp(x: Tensor, axis: int = -1) -> Tensor:
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
