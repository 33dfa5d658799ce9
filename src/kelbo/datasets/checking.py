"""Refuse data that no model can be fitted to."""

import numpy as np

from kelbo.datasets.chunks import row_slices
from kelbo.errors import InputError

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number that float32 holds, 3.4e38."""

_SHOWN = 3  # how many bad positions an error names


def check(x: np.ndarray, name: str) -> None:
    """Raise `InputError` unless `x` is a non-empty array of real numbers that float32 can hold.

    Args:
        x: Array of shape (n, ...).
        name: What to call it in the error: a path, an argument's name.

    Raises:
        InputError: `x` is not numeric, has no axis of examples, is empty, or holds NaN or infinite
            values, or finite ones that float32 cannot hold (the message says how many, and the
            index of the first few).

    Example:
        >>> import numpy as np
        >>> check(np.zeros((3, 2)), "x")
        >>> check(np.array([[0.0, np.nan]]), "x")
        Traceback (most recent call last):
            ...
        kelbo.errors.InputError: x: 1 NaN and 0 infinite values among 2 (first at (0, 1)); \
remove or fill them
    """
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise InputError(f"{name}: expected real numbers, got values of type {x.dtype}")
    if x.ndim == 0:
        raise InputError(f"{name}: expected an array of examples, got a single number (shape ())")
    if x.size == 0:
        raise InputError(f"{name}: the set is empty (shape {x.shape}); expected at least 1 example")
    if x.dtype.kind == "f":
        _check_finite(x, name)
        if x.dtype.itemsize > 4:
            _check_within_float32(x, name)


def _check_finite(x: np.ndarray, name: str) -> None:
    nan_count = infinite_count = 0
    first: list[tuple[int, ...]] = []
    for rows in row_slices(x):
        bad = ~np.isfinite(x[rows])
        if not bad.any():
            continue
        nan_here = int(np.isnan(x[rows]).sum())
        nan_count += nan_here
        infinite_count += int(bad.sum()) - nan_here
        first += _positions(bad, rows.start, _SHOWN - len(first))
    if first:
        raise InputError(
            f"{name}: {nan_count} NaN and {infinite_count} infinite values among {x.size} "
            f"(first at {', '.join(map(str, first))}); remove or fill them"
        )


def _check_within_float32(x: np.ndarray, name: str) -> None:
    count, first = 0, []
    for rows in row_slices(x):
        with np.errstate(over="ignore"):
            beyond = np.isinf(x[rows].astype(np.float32))
        if beyond.any():
            count += int(beyond.sum())
            first += _positions(beyond, rows.start, _SHOWN - len(first))
    if first:
        found = ", ".join(f"{float(x[index]):g} at {index}" for index in first)
        values = "value is" if count == 1 else "values are"
        raise InputError(
            f"{name}: {count} of {x.size} {values} too large for float32, which holds at most "
            f"{FLOAT32_MAX:.2g} (first: {found}); rescale the data, or remove what is no "
            "measurement"
        )


def _positions(bad: np.ndarray, start: int, most: int) -> list[tuple[int, ...]]:
    """Indices of the first bad values, of an array whose first row has the number `start`."""
    found = (np.unravel_index(flat, bad.shape) for flat in np.flatnonzero(bad)[:most])
    return [(int(row) + start, *map(int, rest)) for row, *rest in found]
