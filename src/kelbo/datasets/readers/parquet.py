"""Tables in files of Apache Parquet."""

from collections.abc import Sequence
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

_ANY = Reading()


def read_parquet(path: Path, reading: Reading = _ANY) -> RawArrays:
    """Read a table of numbers from a Parquet file; pyarrow must be installed.

    Args:
        path: The file.
        reading: How it is to be read; `header` says nothing here.

    Returns:
        As `read_csv`.

    Raises:
        InputError: pyarrow is not there, the file is missing or damaged, a column that is neither
            labels nor left out holds no numbers, or values are missing.

    Example:
        >>> import pathlib, tempfile
        >>> import pyarrow as pa, pyarrow.parquet  # doctest: +SKIP
        >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
        ...     path = pathlib.Path(folder, "t.parquet")
        ...     pyarrow.parquet.write_table(pa.table({"a": [1.0, 2.0], "b": [3, 4]}), path)
        ...     read_parquet(path).feature_names
        ('a', 'b')
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; pip install 'kelbo[parquet]'"
        ) from None
    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path}: is damaged or no Parquet file ({detail:.200})") from error
    if table.num_rows == 0:
        raise InputError(f"{path}: has no rows; expected rows of numbers")
    sources = [_Source.of(i, table, pa) for i in range(table.num_columns)]
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
    return assemble(x, labels, None, roles, reading, path, remarks, context)


@dataclass(frozen=True)
class _Source:
    """A column, and how its values become numbers."""

    column: Column
    values: Sequence[Any]
    words: dict[str, int] | None

    @classmethod
    def of(cls, position: int, table: Any, pa: Any) -> "_Source":
        name, kind = table.column_names[position], table.schema.types[position]
        if name.startswith("__index_level_"):  # as pandas calls an index that has no name
            name = ""
        values = table.column(position).to_pylist()
        types = pa.types
        tests = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
        if types.is_null(kind) or any(test(kind) for test in tests):
            given = (v for v in values if v is not None)
            fraction = next((f"{v:g}" for v in given if v % 1), None)
            return cls(Column(position, name, fraction=fraction), values, None)
        cells = ["" if value is None else str(value) for value in values]
        column, words = describe(position, name, [(0, cell) for cell in cells])
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
