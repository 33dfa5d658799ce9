"""Functions whose pullback is given, not traced: reverse-mode derivatives written by hand."""

from collections.abc import Callable
from typing import Any

from kelbo.ops.backends import backend


def with_pullback(
    forward: Callable[..., tuple[Any, Any]], pullback: Callable[[Any, Any], tuple]
) -> Callable[..., Any]:
    r"""A function of tensors that is differentiated by the rule that is given for it.

    For what a tape would differentiate at several times the cost: a bound whose gradient has a
    closed form, a matrix whose factor is at hand. Where `with_derivatives` is about numbers, one
    by one, this is about whole arrays: the pullback takes the cotangent $\bar y$ of the value and
    returns the cotangents $\bar x_i = \bar y^\top \partial y / \partial x_i$ of the arguments.

    It is differentiated once. A second derivative is computed on JAX, where the rule itself is
    differentiated, and refused on TensorFlow and PyTorch, which would take what the rule remembers
    for constants.

    Args:
        forward: Takes floating tensors, and returns (value, residuals): a tensor or a tuple of
            tensors, and whatever nest of tensors the pullback needs. It reads nothing that trains
            but its arguments.
        pullback: Takes the residuals and the cotangent of the value (a tuple of them where that
            is one), and returns a tuple with a tensor for each argument, of its shape.

    Returns:
        A function of the arguments of `forward`, which returns the value.

    Raises:
        NotImplementedError: When a second derivative is taken, on TensorFlow and PyTorch.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.ops.autodiff.pullbacks import with_pullback
        >>> norm = lambda x: ops.sqrt(ops.sum(x * x))
        >>> length = with_pullback(
        ...     lambda x: (norm(x), (x, norm(x))), lambda saved, bar: (bar * saved[0] / saved[1],)
        ... )
        >>> x = keras.Variable([3.0, 4.0])
        >>> value, (gradient,) = ops.value_and_grad(lambda: length(x.value), [x])()
        >>> float(value), [round(float(g), 1) for g in gradient]
        (5.0, [0.6, 0.8])
    """
    return backend.with_pullback(forward, pullback)
