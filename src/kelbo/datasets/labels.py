"""Labels of any kind as whole numbers."""

import numpy as np

from kelbo.errors import InputError


def encode_labels(
    y_train: np.ndarray | None, y_test: np.ndarray | None, name: str
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...] | None]:
    """Turn labels into int arrays of shape (n,).

    Whole numbers stay what they are, also as floats or text ("3", "3.0"). Any other text is a set
    of class names: class k is the k-th name in sorted order, over train and test together.

    Args:
        y_train: Labels of shape (n,) or (n, 1), or None.
        y_test: Labels of the test part, or None.
        name: What to call them in an error: the path they came from.

    Returns:
        `(y_train, y_test, class_names)`: int64 arrays or None; the names where labels are text.

    Raises:
        InputError: Labels are neither whole numbers nor text, or have another shape.

    Example:
        >>> import numpy as np
        >>> encode_labels(np.array(["dog", "cat", "dog"]), None, "pets")
        (array([1, 0, 1]), None, ('cat', 'dog'))
    """
    parts = [_flat(y, name) for y in (y_train, y_test)]
    given = [y for y in parts if y is not None]
    if not given:
        return None, None, None
    if all(y.dtype.kind == "U" for y in given):
        numbers = [_parse_numbers(y) for y in given]
        if any(n is None for n in numbers):
            names, codes = np.unique(np.concatenate(given), return_inverse=True)
            found = iter(np.split(codes.astype(np.int64), [len(given[0])]))
            encoded = [None if y is None else next(found) for y in parts]
            return encoded[0], encoded[1], tuple(map(str, names))
        remaining = iter(numbers)
        parts = [None if y is None else next(remaining) for y in parts]
    whole = [None if y is None else _whole(y, name) for y in parts]
    return whole[0], whole[1], None


def first_measured(y: np.ndarray | None) -> float | None:
    """The first value that is finite and not whole; None where there is none.

    Example:
        >>> import numpy as np
        >>> first_measured(np.array([1.0, 2.5])), first_measured(np.array(["a"]))
        (2.5, None)
    """
    if y is None or y.dtype.kind != "f":
        return None
    found = y[np.isfinite(y) & (y != np.floor(y))]
    return float(found[0]) if found.size else None


def _flat(y: np.ndarray | None, name: str) -> np.ndarray | None:
    if y is None:
        return None
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        hint = "; give the index of the class, not one-hot rows" if y.ndim == 2 else ""
        raise InputError(f"{name}: labels have shape {y.shape}; expected (examples,){hint}")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind not in "biufU":
        raise InputError(f"{name}: labels have type {y.dtype}; expected whole numbers or text")
    return y


def _parse_numbers(y: np.ndarray) -> np.ndarray | None:
    try:
        return y.astype(np.float64)
    except ValueError:
        return None


def _whole(y: np.ndarray, name: str) -> np.ndarray:
    if y.dtype.kind == "U":
        raise InputError(f"{name}: labels of train and test differ in kind: text and numbers")
    if y.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(y) | (y != np.floor(y)))
        if bad.size:
            raise InputError(
                f"{name}: label {bad[0]} is {y[bad[0]]:g}, not a whole number; labels are classes: "
                "leave measured values among the data, under another name than label, class, "
                "target or y"
            )
    return y.astype(np.int64)
