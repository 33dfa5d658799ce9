"""Tables whose values have types, as those of Parquet and JSON: numbers, text, nothing."""

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kelbo.datasets.checking import FLOAT32_MAX
from kelbo.datasets.readers.cells import as_column, is_missing, number
from kelbo.datasets.readers.columns import Column, assemble, choose_roles, describe, yes_and_no
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError


def read_columns(
    columns: Mapping[str, Sequence[Any]] | Sequence[tuple[str, Sequence[Any]]],
    path: Path,
    reading: Reading,
    lines: Sequence[int] | None = None,
) -> RawArrays:
    """The arrays of a table that is given column by column.

    Args:
        columns: Values by the name of their column, or pairs of both: numbers, None for no value;
            all else is read as the cell of a text table is.
        path: Where they are from, for errors.
        reading: What a person has said of them; `header` says nothing here.
        lines: The line of each row in the file, or None.

    Returns:
        As `read_csv`.

    Raises:
        InputError: There are no rows, a column that is neither labels nor left out holds no
            numbers, a number is too large for float32, or values are missing.

    Example:
        >>> columns = {"a": [1.5, 2], "ok": ["yes", "no"], "class": ["x", "y"]}
        >>> raw = read_columns(columns, Path("t"), Reading())
        >>> raw.x_train.tolist(), raw.y_train.tolist()
        ([[1.5, 1.0], [2.0, 0.0]], ['x', 'y'])
    """
    pairs = list(columns.items() if isinstance(columns, Mapping) else columns)
    if not pairs or not len(pairs[0][1]):
        raise InputError(f"{path}: has no rows; expected rows of numbers")
    sources = [_Source.of(i, *pair, lines) for i, pair in enumerate(pairs)]
    roles = choose_roles([source.column for source in sources], reading, path)
    used = [sources[column.position] for column in roles.features]
    x = np.stack([source.numbers(path) for source in used], axis=1)
    labels = None
    if roles.label is not None:
        labels = [_text(value) for value in sources[roles.label.position].values]
    remarks = []
    if any(source.words for source in used):
        remarks.append(yes_and_no(source.column for source in used if source.words))
    context = {name: sources[c.position].column_of_context() for name, c in roles.context.items()}
    return assemble(x, labels, lines, roles, reading, path, remarks, context)


@dataclass(frozen=True)
class _Source:
    """A column, and how its values become numbers."""

    column: Column
    values: Sequence[Any]
    words: dict[str, int] | None

    @classmethod
    def of(
        cls, position: int, name: str, values: Sequence[Any], lines: Sequence[int] | None
    ) -> "_Source":
        given = [v for v in values if v is not None]
        if all(isinstance(v, numbers.Number) for v in given):
            fraction = next((f"{v:g}" for v in given if v == v and v % 1), None)
            return cls(Column(position, name, fraction=fraction), values, None)
        cells = ["" if value is None else str(value) for value in values]
        lines = [0] * len(cells) if lines is None else lines
        column, words = describe(position, name, list(zip(lines, cells, strict=True)))
        return cls(column, cells, words)

    def numbers(self, path: Path) -> np.ndarray:
        """The values as float64, NaN where there is none."""
        wide = np.array([self._number(value) for value in self.values], np.float64)
        beyond = int((np.abs(wide[np.isfinite(wide)]) > FLOAT32_MAX).sum())
        if beyond:
            raise InputError(
                f"{path}: column {self.column.title}: {beyond} values are too large for float32, "
                f"which holds at most {FLOAT32_MAX:.2g}; rescale the column"
            )
        return wide

    def column_of_context(self) -> np.ndarray:
        """The values as they stand there: numbers where their type is of numbers, else text."""
        if any(isinstance(value, str | bool) for value in self.values):
            return as_column([_text(value) for value in self.values])
        return np.array([np.nan if value is None else float(value) for value in self.values])

    def _number(self, value: Any) -> float:
        if value is None:
            return np.nan
        if not isinstance(value, str):
            return float(value)
        if self.words and not is_missing(value):
            return self.words[value.strip().lower()]
        return number(value)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()
