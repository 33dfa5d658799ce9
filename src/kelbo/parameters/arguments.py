"""Checks of constructor arguments."""

import numbers
from collections.abc import Sequence
from typing import Any


def exactly_one(owner: str, **arguments: Any) -> dict[str, Any]:
    """The one argument that was given, by name.

    Args:
        owner: Name of the class, for the error.
        **arguments: Arguments of which exactly one is not None.

    Returns:
        A dict of that one.

    Raises:
        ValueError: None or several were given.

    Example:
        >>> from kelbo.parameters import exactly_one
        >>> exactly_one("Bernoulli", logits=None, probs=0.5)
        {'probs': 0.5}
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if len(given) != 1:
        raise ValueError(
            f"{owner}: give exactly one of {' and '.join(arguments)}; "
            f"got {' and '.join(given) or 'none of them'}."
        )
    return given


def whole_number(owner: str, name: str, value: Any, minimum: int = 1) -> int:
    """An argument that counts something, as a Python integer.

    Args:
        owner: Name of the class, for the error.
        name: Name of the argument, for the error.
        value: What was given.
        minimum: The smallest value that is allowed.

    Returns:
        The value.

    Raises:
        ValueError: It is not a whole number of at least `minimum`.

    Example:
        >>> from kelbo.parameters import whole_number
        >>> whole_number("ELBO", "samples", 5)
        5
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < minimum:
        raise ValueError(
            f"{owner}: {name} must be a whole number of at least {minimum}, got {value!r}."
        )
    return int(value)


def block_sizes(owner: str, blocks: int | Sequence[int] | None, size: int) -> tuple[int, ...]:
    """The sizes of the blocks that a vector is divided into.

    Args:
        owner: Name of the class, for the error.
        blocks: The sizes in order, a number of blocks of one size, or None for blocks of one entry.
        size: Number of entries of the vector.

    Returns:
        A tuple of numbers that sum to `size`.

    Raises:
        ValueError: The blocks do not make up the vector.

    Example:
        >>> from kelbo.parameters import block_sizes
        >>> block_sizes("MADE", 2, 6), block_sizes("MADE", [1, 5], 6)
        ((3, 3), (1, 5))
    """
    if blocks is None:
        return (1,) * size
    if isinstance(blocks, numbers.Integral):
        count = whole_number(owner, "blocks", blocks)
        if size % count:
            raise ValueError(
                f"{owner}: {size} entries cannot be divided into {count} blocks of one size; give "
                "the sizes of the blocks, which sum to it."
            )
        return (size // count,) * count
    sizes = tuple(whole_number(owner, "each size in blocks", block) for block in blocks)
    if sum(sizes) != size:
        raise ValueError(
            f"{owner}: the blocks {sizes} have {sum(sizes)} entries, but the vector has {size}."
        )
    return sizes
