"""What separates the cells of a text table."""

import csv
from collections.abc import Sequence

_LIKELIEST_FIRST = ("\t", ";", "|", ",")  # a comma may stand in numbers, a tab hardly anywhere


def separator(lines: Sequence[str]) -> str:
    """The sign that cuts the first lines of a table into equally many cells, more than one.

    Args:
        lines: Some lines of the file.

    Returns:
        A tab, semicolon, bar or comma: the first of them that does so; a comma where none does and
        the first line holds no other one more often.

    Example:
        >>> separator(["1,5;2,5", "0,5;1,5"]), separator(["a,b", "1,2"])
        (';', ',')
    """
    lines = [line for line in lines if line.strip()]
    for sign in _LIKELIEST_FIRST:
        widths = {len(cells) for cells in csv.reader(lines, delimiter=sign) if cells}
        if len(widths) == 1 and widths.pop() > 1:
            return sign
    return max(",\t;|", key=lines[0].count) if lines else ","
