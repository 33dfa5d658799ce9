"""Comma-separated tables of numbers, with or without a header and a column of labels."""

import csv
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from kelbo.datasets.checking import FLOAT32_MAX
from kelbo.datasets.readers.raw import RawArrays
from kelbo.errors import InputError

_LABEL_COLUMNS = ("label", "class", "target", "y")


def read_csv(path: Path) -> RawArrays:
    r"""Read a table of numbers; a column named label, class, target or y becomes the labels.

    The separator is the comma, semicolon or tab, whichever the first line has most of. The first
    line is a header where it holds no number, or where one of its cells names a label column.
    Memory stays near that of the float32 result.

    Args:
        path: The file, in UTF-8.

    Returns:
        `x_train` of shape (rows, numeric columns), float32; `y_train` as text, or None;
        `feature_names`, those of the header without the label column, or None.

    Raises:
        InputError: The file is missing, empty or not text; a cell is not a number that float32 can
            hold or a row has another length than the first (the message names the line of the
            file and the column).

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
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_line = file.readline()
            delimiter = max(",;\t", key=first_line.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            rows = ((reader.line_num, row) for row in reader if any(map(str.strip, row)))
            return _parse(rows, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}); save it so") from error
    except csv.Error as error:
        raise InputError(f"{path}: is no valid CSV file ({error})") from error


def _parse(rows: Iterator[tuple[int, list[str]]], path: Path) -> RawArrays:
    line, first = next(rows, (0, []))
    if not first:
        raise InputError(f"{path}: the file is empty; expected rows of numbers")
    header = [cell.strip() for cell in first] if _is_header(first) else None
    label = None if header is None else _label_column(header, path)
    width = len(first)
    if width == 1 and label is not None:
        raise InputError(f"{path}: has only the label column '{header[0]}'; expected numbers too")

    pack = struct.Struct(f"={width - (label is not None)}f").pack  # "=": refuses what overflows
    values, labels = bytearray(), []
    count = 0
    if header is None:
        rows = _chain_first((line, first), rows)
    for line, row in rows:
        if len(row) != width:
            raise InputError(f"{path}: line {line} has {len(row)} columns; expected {width}")
        if label is not None:
            text = row.pop(label).strip()
            if not text:
                raise InputError(
                    f"{path}: line {line}, column '{header[label]}': the label is empty"
                )
            labels.append(text)
        try:
            values += pack(*map(float, row))
        except (ValueError, OverflowError):  # no number, or a finite one beyond float32
            _raise_at_bad_cell(row, line, header, label, path)
        count += 1
    if count == 0:
        raise InputError(f"{path}: has a header but no rows; expected rows of numbers")
    x = np.frombuffer(values, np.float32).reshape(count, -1)
    names = None
    if header is not None:
        names = tuple(" ".join(name.split()) for i, name in enumerate(header) if i != label)
    return RawArrays(x, np.array(labels) if labels else None, feature_names=names)


def _chain_first(
    first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_beyond_float32(value: float) -> bool:
    try:
        struct.pack("=f", value)
    except OverflowError:
        return True
    return False


def _is_header(cells: list[str]) -> bool:
    if any(cell.strip().lower() in _LABEL_COLUMNS for cell in cells):
        return True
    return not any(map(_is_number, cells))


def _label_column(header: list[str], path: Path) -> int | None:
    if "" in header:
        raise InputError(
            f"{path}: column {header.index('') + 1} has no name in the header; drop it if it only "
            "numbers the rows (pandas: to_csv(index=False)), else name it"
        )
    found = [i for i, name in enumerate(header) if name.lower() in _LABEL_COLUMNS]
    if len(found) > 1:
        names = " and ".join(f"'{header[i]}'" for i in found)
        raise InputError(f"{path}: columns {names} could all be the labels; rename all but one")
    return found[0] if found else None


def _raise_at_bad_cell(
    row: list[str], line: int, header: list[str] | None, label: int | None, path: Path
) -> NoReturn:
    position = next(
        i for i, cell in enumerate(row) if not _is_number(cell) or _is_beyond_float32(float(cell))
    )
    cell = " ".join(row[position].split())[:40]
    column = position + (label is not None and position >= label)  # the label was taken out
    name = f"{column + 1}" if header is None else f"{column + 1} ('{header[column]}')"
    if _is_number(cell):
        raise InputError(
            f"{path}: line {line}, column {name}: {float(cell):g} is too large for float32, which "
            f"holds at most {FLOAT32_MAX:.2g}; rescale the column, or remove what is no measurement"
        )
    found = f"'{cell}' is not a number" if cell else "the cell is empty"
    raise InputError(
        f"{path}: line {line}, column {name}: {found}; fill or drop it, or name a column of "
        "classes 'label'"
    )
