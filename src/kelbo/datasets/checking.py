"""Refuse data that no model can be fitted to."""

import numpy as np

from kelbo.datasets.chunks import row_slices
from kelbo.errors import InputError

_SHOWN = 3  # how many bad positions an error names


def check(x: np.ndarray, name: str) -> None:
    """Raise `InputError` unless `x` is a non-empty array of finite real numbers.

    Args:
        x: Array of shape (n, ...).
        name: What to call it in the error: a path, an argument's name.

    Raises:
        InputError: `x` is not numeric, has no axis of examples, is empty, or holds NaN or infinite
            values (the message says how many, and the index of the first few).

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
        for flat in np.flatnonzero(bad)[: _SHOWN - len(first)]:
            row, *rest = np.unravel_index(flat, bad.shape)
            first.append((int(row) + rows.start, *map(int, rest)))
    if first:
        raise InputError(
            f"{name}: {nan_count} NaN and {infinite_count} infinite values among {x.size} "
            f"(first at {', '.join(map(str, first))}); remove or fill them"
        )
