"""Where the values of a column are measured from, so that float32 keeps their digits."""

from collections.abc import Sequence

import numpy as np

from kelbo.errors import InputError

# Of what a column spans: where neighbouring float32 numbers lie further apart than that, they are
# too few to tell its values.
_COARSE = 3e-4
_SHOWN = 4


def find_origin(x: np.ndarray) -> np.ndarray | None:
    """Round numbers to subtract from columns whose values float32 could hardly tell apart.

    A time in seconds since 1970 has ten digits, float32 about seven: it would be known to two
    minutes. Less a number nearby it is known to a part in ten million of its span.

    Args:
        x: Rows of numbers, of shape (n, d), as they stand in the file.

    Returns:
        A float64 number per column, 0 where nothing need be subtracted; None where that is so
        everywhere, of what is no table, and of types that float32 holds.

    Example:
        >>> import numpy as np
        >>> find_origin(np.array([[1.7e9, 1.0], [1.7e9 + 500.0, 2.0]])).tolist()
        [1700000000.0, 0.0]
    """
    if x.ndim != 2 or x.size == 0 or np.can_cast(x.dtype, np.float32, "safe"):
        return None
    low, high = (np.asarray(end, np.float64) for end in (x.min(axis=0), x.max(axis=0)))
    span = high - low
    apart = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32))
    coarse = (span > 0) & (apart > _COARSE * span)
    if not coarse.any():
        return None
    unit = 10.0 ** np.floor(np.log10(np.where(coarse, span, 1.0)))
    return np.where(coarse, np.floor(low / unit) * unit, 0.0)


def measured_from(origin: np.ndarray | None, x: np.ndarray) -> np.ndarray:
    """The values less their origin; subtracted in float64.

    Args:
        origin: A number per column, or None.
        x: Shape (n, d).

    Returns:
        Float64 values; `x` itself where there is no origin.
    """
    return x if origin is None else x.astype(np.float64) - origin


def given_origin(given: Sequence[float], x: np.ndarray, where: str) -> np.ndarray | None:
    """A person's or a model's own origin, checked.

    Args:
        given: A number per column; none for no origin.
        x: Shape (n, ...).
        where: What to call the data in the error.

    Returns:
        Float64 numbers, or None.

    Raises:
        InputError: There are more or fewer numbers than columns.
    """
    if not any(given):
        return None
    if x.shape[1:] != (len(given),):
        raise InputError(
            f"origin: has {len(given)} numbers, one per column, but the examples of {where} have "
            f"shape {x.shape[1:]}"
        )
    return np.array(given, np.float64)


def remarks_on(origin: np.ndarray | None, names: Sequence[str] | None) -> list[str]:
    """What a person should know: which columns are measured from where.

    Args:
        origin: A number per column, or None.
        names: The columns' names, or None.

    Returns:
        A sentence for each of the first few columns; none where there is no origin.
    """
    columns = [] if origin is None else np.flatnonzero(origin)
    remarks = [
        f"column {names[i] if names else i + 1}: float32 has too few digits for its values; inside "
        f"of the model they are measured from {origin[i]:.15g} (model.keras takes them so)"
        for i in columns[:_SHOWN]
    ]
    if len(columns) > _SHOWN:
        remarks.append(f"so are {len(columns) - _SHOWN} more columns, see origin in config.yaml")
    return remarks
