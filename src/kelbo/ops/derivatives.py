"""Elementwise functions whose derivatives are given, not traced."""

from collections.abc import Callable, Sequence

from kelbo.ops.backends import backend


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
        >>> from kelbo.ops.derivatives import with_derivatives
        >>> cube = with_derivatives(lambda x: x**3, [lambda x, value: 3.0 * x**2])
        >>> x = keras.Variable(2.0)
        >>> value, (slope,) = ops.value_and_grad(lambda: cube(x.value), [x])()
        >>> float(value), float(slope)
        (8.0, 12.0)
    """
    return backend.with_derivatives(function, derivatives)
