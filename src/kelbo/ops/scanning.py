"""Loops with a carry, the same on every backend."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops as keras_ops

from kelbo.ops.backends import backend
from kelbo.ops.pytrees import Pytree, opened


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Carry a value through the rows of `xs`, and stack what each step puts out.

    As `jax.lax.scan`, with the same results on every backend. (`keras.ops.scan` gives an error or
    zeros on TensorFlow when the outputs are not shaped and nested like the carry, or are None.)

    Args:
        f: Takes (carry, row) and returns (carry, output), all nests of tensors, distributions and
            bijectors; the carry keeps its structure, shapes and dtypes. The output may be None.
        init: The first carry.
        xs: A nest of tensors with one leading axis, of distributions whose batch has it, or None.
        length: The number of steps, at least 1; needed where `xs` is None.
        reverse: Whether to go from the last row to the first.
        unroll: How many steps one turn of the compiled loop holds; without effect but on JAX.

    Returns:
        The last carry, and the outputs stacked along a new leading axis, in the order of the rows.

    Raises:
        ValueError: If the number of steps is not known, is 0, or is not that of the rows.

    Example:
        >>> from kelbo import ops
        >>> total, sums = ops.scan(lambda c, x: (c + x, c + x), ops.zeros(()), ops.ones((3,)))
        >>> sums
        [1., 2., 3.]
    """
    rows, close_row, _ = _opened(xs, spread=True)
    tensors = [row for row in keras.tree.flatten(rows) if row is not None]
    if any(isinstance(x, keras.KerasTensor) for x in [*keras.tree.flatten(init), *tensors]):
        return keras_ops.scan(f, init, xs, length, reverse, unroll)
    lengths = [keras_ops.shape(row)[0] for row in tensors]
    known = {n for n in [*lengths, length] if isinstance(n, int)}
    if len(known) > 1 or 0 in known or not (lengths or known):
        raise ValueError(
            "scan needs one number of steps, at least 1; it was given rows of the lengths "
            f"{[n for n in lengths if isinstance(n, int)]} and length={length}."
        )
    steps = known.pop() if known else lengths[0]
    if backend.LOOPS_TAKE_PYTREES:
        return backend.scan(f, init, close_row(rows), steps, reverse, unroll)
    carried, close, structure = _opened(init)
    close_output = None  # each step puts out the same kind: the first one tells

    def step(leaves, row):
        nonlocal close_output
        carry, output = f(close(leaves), close_row(row))
        if close_output is not _itself:
            output, close_output, _ = _opened(output)
        return _leaves_like(structure, carry), output

    carry, outputs = backend.scan(step, carried, rows, steps, reverse, unroll)
    return close(carry), close_output(outputs)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Apply a function a number of times, as `keras.ops.fori_loop`.

    Args:
        lower: The first index.
        upper: The index after the last.
        body_fun: From (index, value) to the next value, a nest of tensors, distributions and
            bijectors, of one structure, shapes and dtypes throughout.
        init_val: The first value.

    Returns:
        The last value.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions import Normal
        >>> widen = lambda i, d: Normal(d.mean(), 2.0 * d.stddev())
        >>> float(ops.fori_loop(0, 3, widen, Normal(0.0, 1.0)).stddev())
        8.0
    """
    leaves, close, structure = _opened(init_val)
    if backend.LOOPS_TAKE_PYTREES or structure is None:
        return keras_ops.fori_loop(lower, upper, body_fun, init_val)

    def body(i, leaves):
        return _leaves_like(structure, body_fun(i, close(leaves)))

    return close(keras_ops.fori_loop(lower, upper, body, leaves))


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Apply a function while a condition holds, as `keras.ops.while_loop`.

    Args:
        cond: From the values to a boolean.
        body: From the values to the next ones.
        loop_vars: The first values: a tuple or list of nests of tensors, distributions and
            bijectors, which `cond` and `body` take as so many arguments; or a single one.
        maximum_iterations: The largest number of turns; None for no such bound.

    Returns:
        The last values.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions import Normal
        >>> widen = lambda d: Normal(d.mean(), 2.0 * d.stddev())
        >>> d = ops.while_loop(lambda d: d.stddev() < 5.0, widen, Normal(0.0, 1.0))
        >>> float(d.stddev())
        8.0
    """
    is_several = isinstance(loop_vars, tuple | list)
    values = tuple(loop_vars) if is_several else (loop_vars,)
    leaves, close, structure = _opened(values)
    if backend.LOOPS_TAKE_PYTREES or structure is None:
        return keras_ops.while_loop(cond, body, loop_vars, maximum_iterations)

    def next_leaves(*leaves):
        values = body(*close(leaves))
        return _leaves_like(structure, tuple(values) if is_several else (values,))

    last = keras_ops.while_loop(
        lambda *leaves: cond(*close(leaves)), next_leaves, leaves, maximum_iterations
    )
    values = close(last)
    return values if is_several else values[0]


def _opened(nest, spread=False):
    """As `opened`; a nest in which there are no pytrees stays as it is, and has no structure."""
    if any(isinstance(item, Pytree) for item in keras.tree.flatten(nest)):
        return opened(nest, spread)
    return nest, _itself, None


def _itself(nest):
    return nest


def _leaves_like(structure, value):
    """The leaves of a value that must have this structure."""
    if structure is None:
        return value
    leaves, _, own = opened(value)
    if own != structure:
        raise ValueError(
            f"A loop keeps the structure of what it carries, {structure}; a step returned {own}."
        )
    return leaves
