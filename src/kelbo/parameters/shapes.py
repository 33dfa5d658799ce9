"""Shapes: how those of parameters and samples combine, unknown dimensions included."""

import numbers
from collections.abc import Sequence

Shape = tuple[int | None, ...]


def broadcast_shapes(*shapes: Sequence[int | None]) -> Shape:
    """The shape that arrays of these shapes broadcast to, by NumPy's rule.

    Args:
        *shapes: Shapes; a dimension that is not known yet is None.

    Returns:
        The common shape. None beside a number other than 1 becomes that number.

    Raises:
        ValueError: The shapes do not broadcast.

    Example:
        >>> from kelbo.parameters import broadcast_shapes
        >>> broadcast_shapes((3, 1), (None, 1, 4))
        (None, 3, 4)
    """
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        known = {size for size in sizes if size not in (1, None)}
        if len(known) > 1:
            raise ValueError(f"The shapes {', '.join(map(str, shapes))} do not broadcast.")
        result.append(known.pop() if known else None if None in sizes else 1)
    return tuple(result)


def as_shape(shape: int | Sequence[int], what: str | None = None) -> tuple:
    """A shape given as one number or as a sequence, as a tuple.

    NumPy's integers become Python's; a dimension that is a tensor (TensorFlow has such) stays one.

    Args:
        shape: A whole number, or a sequence of them.
        what: What the shape is, for the error; None where the caller checks the sizes.

    Returns:
        A tuple.

    Raises:
        ValueError: It is neither; or, where `what` is given, a size is negative or no whole number.

    Example:
        >>> from kelbo.parameters import as_shape
        >>> as_shape(3)
        (3,)
    """
    try:
        sizes = (shape,) if isinstance(shape, numbers.Integral) else tuple(shape)
    except TypeError:
        raise ValueError(_bad_shape(what, shape)) from None
    sizes = tuple(int(size) if isinstance(size, numbers.Integral) else size for size in sizes)
    if what is not None and not all(map(_may_be_size, sizes)):
        raise ValueError(_bad_shape(what, shape))
    return sizes


def _may_be_size(size):
    # Sizes that are not known yet are tensors, or expressions.
    return size >= 0 if isinstance(size, int) else not isinstance(size, numbers.Number | str)


def _bad_shape(what, shape):
    return (
        f"{what or 'A shape'} must be a whole number of at least 0 or a sequence of them, got "
        f"{shape!r}."
    )
