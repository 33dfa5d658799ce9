"""Whether the first line of a text table names its columns."""

import itertools
from collections.abc import Sequence

from kelbo.datasets.readers.cells import booleans, is_missing, is_number, is_text

LABEL_NAMES = ("label", "class", "target", "y")
"""Names by which a column of labels is known."""

_FEW_NUMBERS = 3


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], decimal: str) -> bool:
    """Whether the first line reads as names, seen beside some of the lines below it.

    It does where one cell is the name of a label column. It does not where its words stand again
    below. It does where a cell is text above numbers; where no cell is a number; and where its
    numbers are whole and evenly spaced, as 0, 1, 2, 3 or years are, while most lines below are not.

    Args:
        first: Cells of the first line.
        below: Cells of lines that follow.
        decimal: The sign before the fraction.

    Returns:
        Whether it does.

    Example:
        >>> is_header(["0", "1", "2"], [["5.1", "3.5", "1.4"]], ".")
        True
        >>> is_header(["5.1", "setosa"], [["4.9", "setosa"]], ".")
        False
    """
    below = [row for row in below if len(row) == len(first)]
    if any(_is_label_name(cell, i, below) for i, cell in enumerate(first)):
        return True
    texts = [i for i, cell in enumerate(first) if is_text(cell, decimal)]
    numbers = [i for i, cell in enumerate(first) if is_number(cell, decimal)]
    words = [i for i in range(len(first)) if i not in numbers and not is_missing(first[i])]
    if any(first[i].strip() in (row[i].strip() for row in below) for i in words):
        return False  # a name does not stand among what it names
    if texts and not numbers:
        return True
    if any(_holds_numbers([row[i] for row in below], decimal) for i in texts):
        return True
    return _counts([first[i] for i in numbers], [[row[i] for i in numbers] for row in below])


def _is_label_name(cell, column, below):
    name = cell.strip().lower()
    under = {row[column].strip().lower() for row in below}
    # y is a name above other words, and a "yes" above y and n.
    return name in LABEL_NAMES and name not in under and not (under and booleans({name, *under}))


def _holds_numbers(cells, decimal):
    return any(is_number(cell, decimal) for cell in cells) and not any(
        is_text(cell, decimal) for cell in cells
    )


def _counts(first, below):
    """Whether numbers are evenly spaced names of columns rather than data."""
    alike = sum(map(_evenly_spaced, below))
    if not _evenly_spaced(first) or not below or 2 * alike > len(below):
        return False
    if len(first) >= _FEW_NUMBERS:
        return True
    # One or two small numbers say little: they are names above fractions only.
    return first == ["0", "1"][: len(first)] and not all(
        _whole(cell) is not None for row in below for cell in row
    )


def _evenly_spaced(cells):
    numbers = [_whole(cell) for cell in cells]
    if not numbers or None in numbers:
        return False
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    return len(steps) <= 1 and all(step > 0 for step in steps)


def _whole(cell):
    try:
        return int(cell)
    except ValueError:
        return None
