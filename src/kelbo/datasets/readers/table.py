"""Text tables of numbers, compressed or not, with or without a header and a column of labels."""

import array
import csv
import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kelbo.datasets.checking import FLOAT32_MAX
from kelbo.datasets.readers.cells import (
    as_column,
    decimal_sign,
    is_missing,
    is_number,
    label_text,
    number,
)
from kelbo.datasets.readers.columns import (
    Column,
    Roles,
    assemble,
    choose_roles,
    describe,
    drop_option,
    no_number,
    yes_and_no,
)
from kelbo.datasets.readers.header import is_header
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.separator import separator
from kelbo.datasets.readers.text import open_text
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError
from kelbo.violations import find_violations

_SAMPLE = 100  # lines by which a table is understood before all of it is read
_ANY = Reading()

_Row = tuple[int, list[str]]


def read_csv(path: Path, reading: Reading = _ANY) -> RawArrays:
    r"""Read a text table of numbers.

    Cells are separated by tabs, semicolons, bars or commas, as the first lines say. Numbers may
    have a decimal comma; yes and no (true and false, t and f, y and n) become 1 and 0. What was
    understood stands in `remarks`. Memory stays near that of the result.

    Args:
        path: The file, in UTF-8; compressed where its name ends in .gz.
        reading: How it is to be read.

    Returns:
        `x_train` of shape (rows, features), float64; `y_train` as text, or None; `feature_names`,
        those of the header without labels and what is left out, or None.

    Raises:
        InputError: The file is missing, empty or not text; a cell is not a number that float32 can
            hold, or a row has another length than the first (the message names the line of the
            file and the column); values are missing; or the columns are not those that `reading`
            names.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "iris.csv")
        ...     _ = path.write_text("sepal,petal,class\n5.1,1.4,setosa\n7.0,4.7,versicolor\n")
        ...     raw = read_csv(path)
        >>> raw.x_train.shape, raw.feature_names, raw.y_train.tolist()
        ((2, 2), ('sepal', 'petal'), ['setosa', 'versicolor'])
    """
    try:
        with open_text(path) as text:
            first = list(itertools.islice(text, _SAMPLE))
            delimiter = separator(first)
            reader = csv.reader(itertools.chain(first, text), delimiter=delimiter)
            rows = ((reader.line_num, row) for row in reader if any(map(str.strip, row)))
            return _parse(rows, delimiter, path, reading)
    except csv.Error as error:
        raise InputError(f"{path}: is no valid CSV file ({error})") from error


def _parse(rows: Iterator[_Row], delimiter: str, path: Path, reading: Reading) -> RawArrays:
    sample = list(itertools.islice(rows, _SAMPLE))
    if not sample:
        raise InputError(f"{path}: the file is empty; expected rows of numbers")
    remarks: list[str] = []
    decimal = decimal_sign([cell for _, row in sample for cell in row], delimiter)
    if decimal == ",":
        remarks.append("numbers have a decimal comma")
    names, sample = _names(sample, decimal, reading, remarks)
    if not sample:
        raise InputError(f"{path}: has a header but no rows; expected rows of numbers")
    width = len(sample[0][1]) if names is None else len(names)
    columns, words = [], {}
    for i in range(width):
        cells = [(line, row[i]) for line, row in sample if i < len(row)]
        column, pair = describe(i, "" if names is None else names[i], cells, decimal)
        columns.append(column)
        if pair:
            words[i] = pair
    roles = choose_roles(columns, reading, path)
    words = {c.position: words[c.position] for c in roles.features if c.position in words}
    table = _Table(width, roles, decimal, words, path)
    for line, row in itertools.chain(sample, rows):
        table.add(line, row)
    if table.words:
        remarks.append(yes_and_no(c for c in roles.features if c.position in table.words))
    values, context = table.values(), table.context()
    return assemble(values, table.labels, table.lines, roles, reading, path, remarks, context)


def _names(sample, decimal, reading, remarks):
    """The names in the header, if there is one, and the lines without it."""
    (_, first), below = sample[0], [row for _, row in sample[1:]]
    shown = _some([cell.strip() for cell in first])
    if reading.header == "auto":
        found = is_header(first, below, decimal)
        if not found:
            remarks.append(
                f"no header: the first line ({shown}) is data; --header yes takes it for names"
            )
        elif any(is_number(cell, decimal) for cell in first):
            remarks.append(
                f"the first line ({shown}) is taken for names of columns; --header no reads it as "
                "data"
            )
    else:
        found = reading.header == "yes"
    if not found:
        return None, sample
    names = [" ".join(cell.split()) for cell in first]
    if below and all(len(row) == len(names) + 1 for row in below):
        # One name less than cells: a sign too many at the end of each row, or names of rows in
        # front, as R writes them.
        if all(is_missing(row[-1]) for row in below):
            names = [*names, ""]
        elif _name_rows([row[0].strip() for row in below], decimal):
            names = ["", *names]
    return names, sample[1:]


def _name_rows(cells, decimal):
    counted = [str(count) for count in range(1, len(cells) + 1)]
    return (cells == counted and len(cells) > 1) or not any(is_number(c, decimal) for c in cells)


def _some(texts: Sequence[str], most: int = 4) -> str:
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")


class _Table:
    """The cells of a table as numbers, row by row."""

    def __init__(
        self,
        width: int,
        roles: Roles,
        decimal: str,
        words: dict[int, dict[str, int]],
        path: Path,
    ):
        self.words = words
        self.labels: list[str] | None = None if roles.label is None else []
        self.lines = array.array("q")
        self._context: dict[str, list[str]] = {name: [] for name in roles.context}
        self._width, self._roles, self._decimal, self._path = width, roles, decimal, path
        self._positions = [column.position for column in roles.features]
        self._takes_all = self._positions == list(range(width))
        self._pack: Callable[..., bytes] = struct.Struct(f"={len(self._positions)}d").pack
        self._values = bytearray()

    def add(self, line: int, row: list[str]) -> None:
        """Appends a row.

        Raises:
            InputError: It has another length than the first, or a cell that is no number.
        """
        if len(row) != self._width:
            raise InputError(
                f"{self._path}: line {line} has {len(row)} columns; expected {self._width}"
            )
        if self.labels is not None:
            self.labels.append(label_text(row[self._roles.label.position]))
        for name, column in self._roles.context.items():
            self._context[name].append(row[column.position])
        self.lines.append(line)
        cells = row if self._takes_all else [row[i] for i in self._positions]
        try:
            if self._decimal == "," or self.words or "_" in "".join(cells):
                raise ValueError
            self._values += self._pack(*map(float, cells))
        except ValueError:  # no plain number
            self._values += self._pack(
                *(self._number(column, row, line) for column in self._roles.features)
            )

    def values(self) -> np.ndarray:
        """All rows, of shape (rows, features), float64.

        Raises:
            InputError: A finite number is beyond float32.
        """
        x = np.frombuffer(self._values).reshape(len(self.lines), -1)
        count, first = find_violations(x, _is_within_float32, most=1)
        if count:
            row, i = first[0]
            raise InputError(
                f"{self._path}: line {self.lines[row]}, column {self._roles.features[i].title}: "
                f"{x[row, i]:g} is too large for float32, which holds at most {FLOAT32_MAX:.2g}; "
                "rescale the column, or remove what is no measurement"
            )
        return x

    def context(self) -> dict[str, np.ndarray]:
        """What examples are conditioned on, of all rows, by name."""
        return {name: as_column(cells, self._decimal) for name, cells in self._context.items()}

    def _number(self, column: Column, row: list[str], line: int) -> float:
        cell = row[column.position]
        try:
            if column.position in self.words and not is_missing(cell):
                return self.words[column.position][cell.strip().lower()]
            return number(cell, self._decimal)
        except (ValueError, KeyError):
            raise self._refused(column, cell, line) from None

    def _refused(self, column, cell, line):
        advice = (
            f"correct it, leave its row out, or leave the column out with {drop_option([column])}"
        )
        if column.position in self.words:
            words = " and ".join(self.words[column.position])
            advice = f"other cells of the column are {words}"
        return no_number(column, cell, line, self._path, advice)


def _is_within_float32(rows: np.ndarray) -> np.ndarray:
    return (np.abs(rows) <= FLOAT32_MAX) | ~np.isfinite(rows)
