"""Checks of constructor arguments."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

from kelbo.parameters.shapes import as_shape


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


def is_number(value: Any) -> bool:
    """Whether it is a real number: of Python or of NumPy, and no truth value.

    Args:
        value: Anything.

    Returns:
        True for infinities and NaN too.

    Example:
        >>> from kelbo.parameters.arguments import is_number
        >>> is_number(0.5), is_number(True), is_number("0.5")
        (True, False, False)
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def real_number(
    owner: str,
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    may_be_infinite: bool = False,
) -> float:
    """An argument that measures something, as a Python float.

    Args:
        owner: Name of the class or function, for the error.
        name: Name of the argument, for the error.
        value: What was given.
        least: The smallest number that is allowed; None for no such bound.
        above: What the number must be greater than, in place of `least`.
        most: The largest number that is allowed.
        may_be_infinite: Whether `-inf` and `inf` are allowed.

    Returns:
        The value.

    Raises:
        ValueError: It is no number (a truth value and NaN are none), or not within the bounds.

    Example:
        >>> from kelbo.parameters import real_number
        >>> real_number("CIWAE", "beta", 1, least=0, most=1)
        1.0
    """
    number = _as_float(value)
    is_allowed = not math.isnan(number) and (may_be_infinite or math.isfinite(number))
    is_within = (
        (least is None or number >= least)
        and (above is None or number > above)
        and (most is None or number <= most)
    )
    if not (is_allowed and is_within):
        kind = "a number, -inf or inf" if may_be_infinite else "a finite number"
        raise ValueError(
            f"{owner}: {name} must be {kind}{_bounds(least, above, most)}, got {value!r}."
        )
    return number


def _as_float(value):
    """NaN for what is no number; infinity for a whole number too large for a float."""
    if not is_number(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _bounds(least, above, most):
    if most is None:
        bounds = [(" of at least {:g}", least), (" greater than {:g}", above)]
        return "".join(text.format(bound) for text, bound in bounds if bound is not None)
    if least is None and above is None:
        return f" of at most {most:g}"
    return f" in [{least:g}, {most:g}]" if above is None else f" in ({above:g}, {most:g}]"


def whole_sizes(owner: str, name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    """A shape of which every size must be known and at least 1.

    Args:
        owner: Name of the class, for the error.
        name: Name of the argument, for the error.
        shape: One size, or a sequence of them.

    Returns:
        A tuple of Python integers.

    Raises:
        ValueError: A size is not a whole number of at least 1.

    Example:
        >>> from kelbo.parameters import whole_sizes
        >>> whole_sizes("LearnedNormal", "event_shape", 2)
        (2,)
    """
    return tuple(whole_number(owner, f"each size in {name}", size) for size in as_shape(shape))


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
