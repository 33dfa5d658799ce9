"""The values of functions, and their gradients by Keras variables or by a tensor."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kelbo.ops.backends import backend
from kelbo.typing import Tensor


def value_and_grad(
    fn: Callable[..., Any], variables: Sequence[keras.Variable], has_aux: bool = False
) -> Callable[..., tuple[Any, list[Any]]]:
    """A function that returns what `fn` returns, and its gradients by Keras variables.

    State that `fn` changes on the way (the seed of a generator, a metric, a moving average) is
    changed as if `fn` had been called, on every backend. Call it outside compiled code, or inside
    where the compiler hands the variables in: under a `keras.StatelessScope` on JAX, in a
    `tf.function` on TensorFlow.

    What is returned may be differentiated again, by a `value_and_grad` or a training step around
    it: a penalty on gradients, second derivatives. On PyTorch it therefore carries its graph, as
    all does there, unless it is called under `torch.no_grad()`.

    Args:
        fn: Takes any arguments and returns a scalar, or (scalar, auxiliary) with `has_aux`. It
            reads `variables` by itself.
        variables: The variables to differentiate by, trainable or not, of a floating dtype.
        has_aux: Whether `fn` returns an auxiliary nest of tensors too.

    Returns:
        A function with the arguments of `fn`. It returns (value, gradients), or
        ((value, auxiliary), gradients) with `has_aux`. The gradients are a list in the order of
        `variables`, zeros for a variable that the value does not depend on.

    Raises:
        TypeError: If `variables` holds something else than floating `keras.Variable`s.
        ValueError: When called, if the value of `fn` is not a scalar.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> x = keras.Variable(3.0)
        >>> value, (gradient,) = ops.value_and_grad(lambda: x * x, [x])()
        >>> float(value), float(gradient)
        (9.0, 6.0)
    """
    variables = list(variables)
    for variable in variables:
        if not isinstance(variable, keras.Variable) or "float" not in str(variable.dtype):
            raise TypeError(
                "value_and_grad differentiates by keras.Variable objects of a floating dtype, not "
                f"by {variable!r}: pass for example model.trainable_variables."
            )

    def differentiated(*args, **kwargs):
        def run():
            output = fn(*args, **kwargs)
            value, auxiliary = output if has_aux else (output, None)
            value = ops.convert_to_tensor(value)
            if len(value.shape):
                raise ValueError(
                    "value_and_grad needs a scalar, and fn returned the shape "
                    f"{tuple(value.shape)}: reduce it with ops.sum or ops.mean."
                )
            return value, auxiliary

        value, auxiliary, gradients = backend.value_and_grad(run, variables)
        return ((value, auxiliary) if has_aux else value), list(gradients)

    return differentiated


def gradients_of_each(
    fn: Callable[[], tuple[Sequence[Any], Any]],
    groups: Sequence[Sequence[keras.Variable]],
    wanted: Sequence[Any] | None = None,
) -> tuple[list[Any], Any, list[list[Any]]]:
    """Several scalars that one function computes, and the gradients of each by its own variables.

    The function runs once; the gradient of a scalar then goes back through what leads from its own
    variables to it, and through nothing else. Where variables lead to scalars that are not theirs,
    as those of a generator do to the loss of its discriminator, nothing has to be stopped. State
    that the function changes on the way is changed once. Call it where `value_and_grad` may be
    called; what it returns is not differentiated again.

    Args:
        fn: Takes nothing and returns (scalars, auxiliary): as many scalars as there are groups, and
            a nest of tensors or None.
        groups: Trainable variables by which each scalar is differentiated; a group may be empty.
        wanted: For each group None or a boolean scalar: where it is false, the gradients are zeros
            and cost nothing. None for all of them.

    Returns:
        (scalars, auxiliary, gradients): the gradients are a list for each group, in its order, with
        zeros for a variable that the scalar does not depend on.

    Raises:
        ValueError: The function does not return one scalar for each group.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> a, b = keras.Variable(3.0), keras.Variable(4.0)
        >>> products = lambda: ([a * b, -2.0 * a * b], None)
        >>> values, _, gradients = ops.gradients_of_each(products, [[a], [b]])
        >>> [float(value) for value in values], [float(slope) for (slope,) in gradients]
        ([12.0, -24.0], [4.0, -6.0])
    """
    groups = [list(group) for group in groups]

    def run():
        values, auxiliary = fn()
        values = [ops.convert_to_tensor(value) for value in values]
        shapes = [tuple(value.shape) for value in values]
        if shapes != [()] * len(groups):
            raise ValueError(
                f"gradients_of_each needs a scalar for each of {len(groups)} groups, and fn "
                f"returned the shapes {shapes}: reduce each with ops.sum or ops.mean."
            )
        return values, auxiliary

    return backend.gradients_of_each(run, groups, wanted or [None] * len(groups))


def values_and_gradients(fn: Callable[[Any], Any], x: Tensor) -> tuple[Tensor, Tensor]:
    r"""The values of a function of a tensor, and the gradient of their sum by it.

    Where each value depends on its own part of `x` alone, as log densities of many points do,
    these are the gradients of each: $(f(x_i))_i$ and $(\nabla f(x_i))_i$. Both may be
    differentiated in their turn, by `x` and by what `fn` reads besides, as a penalty on the
    gradient is when a model trains. It works outside and inside of compiled code.

    Args:
        fn: Takes a tensor of the shape of `x`, returns a tensor of any shape.
        x: A floating tensor.

    Returns:
        The values, and a tensor of the shape of `x`; zeros where the values do not depend on it.

    Example:
        >>> from kelbo import ops
        >>> x = ops.convert_to_tensor([1.0, 2.0])
        >>> values, slopes = ops.values_and_gradients(lambda x: x**3, x)
        >>> [float(slope) for slope in slopes]
        [3.0, 12.0]
    """
    return backend.values_and_gradients(fn, backend.as_tensor(ops.convert_to_tensor(x)))
