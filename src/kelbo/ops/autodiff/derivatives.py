"""Elementwise functions whose derivatives are given, not traced."""

import functools
from collections.abc import Callable, Sequence

from keras import ops

from kelbo.ops.backends import backend
from kelbo.typing import Tensor


def with_derivatives(function: Callable, derivatives: Sequence[Callable | None]) -> Callable:
    """An elementwise function of tensors, with the derivatives that are given for it.

    For what cannot be differentiated as it is computed: a loop of unknown length, a rejection
    sampler. A derivative is computed when it is asked for.

    Args:
        function: Takes tensors, those that are differentiated of one shape, and returns
            one tensor of the shape of the last argument.
        derivatives: One for each argument: takes all arguments and the value, and returns the
            partial derivative; None for an argument that is no floating tensor.

    Returns:
        A function of the same arguments.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.ops.autodiff.derivatives import with_derivatives
        >>> cube = with_derivatives(lambda x: x**3, [lambda x, value: 3.0 * x**2])
        >>> x = keras.Variable(2.0)
        >>> value, (slope,) = ops.value_and_grad(lambda: cube(x.value), [x])()
        >>> float(value), float(slope)
        (8.0, 12.0)
    """
    return backend.with_derivatives(function, derivatives)


def with_derivatives_up_to(order: int, x: Tensor, message: str) -> Tensor:
    """The tensor itself, of which no derivative of a higher order can be taken through here.

    For what is exact up to an order, and would be silently wrong beyond it.

    Args:
        order: The highest order.
        x: A floating tensor.
        message: What is raised when one more derivative is asked for.

    Returns:
        A tensor of the shape of `x`. Differentiating it once too often raises
        NotImplementedError.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.ops.autodiff.derivatives import with_derivatives_up_to
        >>> x = keras.Variable(3.0)
        >>> limited = lambda: with_derivatives_up_to(1, x.value**2, "Only once.")
        >>> _, (slope,) = ops.value_and_grad(limited, [x])()
        >>> float(slope)
        6.0
    """
    return _derivative_of_identity(0, order, message)(x)


@functools.cache
def _derivative_of_identity(level, order, message):
    """Its derivative of this order, which knows its own as far as they are allowed."""

    def rule(x, value):
        if level == order:
            raise NotImplementedError(message)
        return _derivative_of_identity(level + 1, order, message)(x)

    values = (lambda x: 1.0 * x, lambda x: ops.ones_like(x), lambda x: ops.zeros_like(x))
    return with_derivatives(values[min(level, 2)], [rule])
