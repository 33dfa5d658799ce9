"""A loop with a carry, the same on every backend."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops as keras_ops

from kelbo.ops.backends import backend


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
        f: Takes (carry, row) and returns (carry, output), all nests of tensors; the carry keeps its
            structure, shapes and dtypes. The output may be None.
        init: The first carry.
        xs: A nest of tensors with one leading axis, or None.
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
    rows = [leaf for leaf in keras.tree.flatten(xs) if leaf is not None]
    if any(isinstance(x, keras.KerasTensor) for x in [*keras.tree.flatten(init), *rows]):
        return keras_ops.scan(f, init, xs, length, reverse, unroll)
    lengths = [keras_ops.shape(row)[0] for row in rows]
    known = {n for n in [*lengths, length] if isinstance(n, int)}
    if len(known) > 1 or 0 in known or not (lengths or known):
        raise ValueError(
            "scan needs one number of steps, at least 1; it was given rows of the lengths "
            f"{[n for n in lengths if isinstance(n, int)]} and length={length}."
        )
    return backend.scan(f, init, xs, known.pop() if known else lengths[0], reverse, unroll)
