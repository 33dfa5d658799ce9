"""Refuse data that no model can be fitted to."""

from typing import Any

import numpy as np

from kelbo.errors import InputError
from kelbo.violations import find_violations

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number that float32 holds, 3.4e38."""


def as_given(x: Any, name: str) -> np.ndarray:
    """An array of NumPy, as it is; of all else the one that it stands for.

    Args:
        x: What `kelbo.intake.as_array` takes.
        name: What it is, for the error.

    Returns:
        An array.

    Raises:
        InputError: There is none, or values of it are masked.

    Example:
        >>> from kelbo.datasets.checking import as_given
        >>> as_given([[1.0, 2.0]], "x").shape
        (1, 2)
    """
    if isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray):
        return x
    from kelbo import ops  # Keras, which a list of the datasets does without
    from kelbo.intake import as_array

    try:
        return ops.convert_to_numpy(as_array(x, name))
    except ValueError as error:
        raise InputError(str(error)) from None


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
    x = as_given(x, name)
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
    count, first = find_violations(x, np.isfinite)
    if count:
        nan_count, _ = find_violations(x, lambda rows: ~np.isnan(rows), most=0)
        raise InputError(
            f"{name}: {nan_count} NaN and {count - nan_count} infinite values among {x.size} "
            f"(first at {', '.join(map(str, first))}); remove or fill them"
        )


def _check_within_float32(x: np.ndarray, name: str) -> None:
    def fits(rows):
        with np.errstate(over="ignore"):
            return ~np.isinf(rows.astype(np.float32))

    count, first = find_violations(x, fits)
    if count:
        found = ", ".join(f"{float(x[index]):g} at {index}" for index in first)
        values = "value is" if count == 1 else "values are"
        raise InputError(
            f"{name}: {count} of {x.size} {values} too large for float32, which holds at most "
            f"{FLOAT32_MAX:.2g} (first: {found}); rescale the data, or remove what is no "
            "measurement"
        )
