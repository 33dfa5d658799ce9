"""A scan as a Python loop, for the backends that run op by op."""

from collections.abc import Callable
from typing import Any

import keras


def python_scan(
    f: Callable, init: Any, xs: Any, length: int, reverse: bool, stack: Callable
) -> tuple[Any, Any]:
    """Carry `init` through `length` calls of `f`, and stack what they put out."""
    carry, outputs = init, []
    for i in range(length - 1, -1, -1) if reverse else range(length):
        carry, output = f(carry, row(xs, i))
        outputs.append(output)
    if reverse:
        outputs.reverse()

    def gather(*leaves):
        return None if leaves[0] is None else stack(leaves)

    return carry, keras.tree.map_structure(gather, *outputs)


def row(xs: Any, i: Any) -> Any:
    """Row `i` of every tensor in the nest `xs`; None of None."""
    return keras.tree.map_structure(lambda x: None if x is None else x[i], xs)


def to_tensors(nest: Any) -> Any:
    """Every leaf of `nest` as a tensor; None stays None."""
    return keras.tree.map_structure(
        lambda x: None if x is None else keras.ops.convert_to_tensor(x), nest
    )
