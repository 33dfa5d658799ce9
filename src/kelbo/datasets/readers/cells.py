"""What one cell of a text table says: a number, nothing, yes or no, or words."""

import math
import re
from collections.abc import Sequence

import numpy as np

_MISSING = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "."))
_BOOLEANS = ({"true": 1, "false": 0}, {"yes": 1, "no": 0}, {"t": 1, "f": 0}, {"y": 1, "n": 0})
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


def is_missing(cell: str) -> bool:
    """Whether a cell is one of the ways to write that there is no value: empty, NA, ?, ...

    Example:
        >>> [is_missing(cell) for cell in (" ", "NaN", "?", "0")]
        [True, True, True, False]
    """
    return cell.strip().lower() in _MISSING


def number(cell: str, decimal: str = ".") -> float:
    """The number in a cell; NaN where the cell is empty.

    Args:
        cell: The text.
        decimal: The sign before the fraction, "." or ",".

    Returns:
        The number.

    Raises:
        ValueError: The cell is no number.

    Example:
        >>> number("1,5", decimal=","), number(" -2e3 ")
        (1.5, -2000.0)
    """
    if is_missing(cell):
        return math.nan
    if "_" in cell:  # Python's own way to write thousands; elsewhere a name or a date
        raise ValueError(cell)
    if decimal == ",":
        if "." in cell:
            raise ValueError(cell)
        cell = cell.replace(",", ".")
    return float(cell)


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell holds a number; an empty one does not."""
    if is_missing(cell):
        return False
    try:
        number(cell, decimal)
    except ValueError:
        return False
    return True


def booleans(cells: set[str]) -> dict[str, int] | None:
    """The pair of words that all these cells are of, with what they stand for, or None.

    Args:
        cells: Distinct cells, in lower case.

    Returns:
        A mapping from words in lower case to 1 and 0.

    Example:
        >>> booleans({"yes", "no"}), booleans({"yes", "false"})
        ({'yes': 1, 'no': 0}, None)
    """
    return next((pair for pair in _BOOLEANS if cells and cells <= pair.keys()), None)


def as_column(cells: Sequence[str], decimal: str = ".") -> np.ndarray:
    """The cells of a column of which it is not known what they hold: numbers, or else text.

    Args:
        cells: The cells.
        decimal: The sign before the fraction.

    Returns:
        float64 array, NaN where there is no value, where all cells are numbers or missing; else
        text, empty where there is none.

    Example:
        >>> as_column(["1", "2.5"]).tolist(), as_column([" oak", "3"]).tolist()
        ([1.0, 2.5], ['oak', '3'])
    """
    try:
        return np.array([number(cell, decimal) for cell in cells])
    except ValueError:
        return np.array([label_text(cell) for cell in cells])


def label_text(cell: str) -> str:
    """The name in a cell, empty where there is none; "none" and "-" may be names.

    Example:
        >>> label_text(" oak "), label_text("NaN"), label_text("none")
        ('oak', '', 'none')
    """
    text = cell.strip()
    return "" if text.lower() in ("?", "nan") else text


def is_text(cell: str, decimal: str = ".") -> bool:
    """Whether a cell holds words that are neither a number nor missing nor yes or no."""
    lower = cell.strip().lower()
    return not (is_missing(cell) or is_number(cell, decimal) or booleans({lower}))


def decimal_sign(cells: list[str], delimiter: str) -> str:
    """The sign before the fraction in these cells: a comma where that is the only reading.

    Args:
        cells: Some cells of the table.
        delimiter: What separates them. Between commas, "1,234" is a number with thousands.

    Returns:
        "," or ".".

    Example:
        >>> decimal_sign(["1,5", "x", "2"], ";"), decimal_sign(["1,234"], ",")
        (',', '.')
    """
    cells = [cell.strip() for cell in cells]
    with_comma = [cell for cell in cells if _WITH_COMMA.fullmatch(cell)]
    with_point = any("." in cell and is_number(cell) for cell in cells)
    if not with_comma or with_point:
        return "."
    if delimiter == "," and all(_THOUSANDS.fullmatch(cell) for cell in with_comma):
        return "."
    return ","


def has_thousands(cell: str) -> bool:
    """Whether a cell is a number with signs between its thousands, such as 1,234,567.8.

    Example:
        >>> has_thousands("1,234.5"), has_thousands("1 234"), has_thousands("12")
        (True, True, False)
    """
    return bool(re.fullmatch(r"[+-]?\d{1,3}([,.' \u00a0\u202f]\d{3})+([.,]\d+)?", cell.strip()))
