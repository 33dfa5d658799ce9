"""What examples are conditioned on: categories and numbers, and how they become one vector."""

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kelbo.errors import InputError

LABELS = "labels"
"""The name under which the labels of data are a context."""

# A context is stored with an entry for each value: more are no categories, but names of examples.
_MOST_VALUES = 1000
_SHOWN = 12


@dataclass(frozen=True)
class Category:
    """A column of names, each of which becomes an indicator (1 in its own place, else 0).

    Attributes:
        name: Of the column.
        values: All names, in order.

    Example:
        >>> Category("species", ("oak", "ash")).encode(np.array(["ash"]), "trees").tolist()
        [[0.0, 1.0]]
    """

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """Entries of a vector that are of this column."""
        return len(self.values)

    def __str__(self) -> str:
        return f"{self.name} ({len(self.values)} classes)"

    @property
    def expected(self) -> str:
        """What may be given, as the end of the sentence "expected ..."."""
        more = f", ... ({len(self.values)} in all)" if len(self.values) > _SHOWN else ""
        return f"one of {', '.join(self.values[:_SHOWN])}{more}"

    def encode(self, column: np.ndarray, where: str) -> np.ndarray:
        """The vectors of a column.

        Args:
            column: Text, or the numbers that are written so, of shape (n,).
            where: What to call the data in an error.

        Returns:
            float32 array of shape (n, width).

        Raises:
            InputError: A name is not known.
        """
        names, codes = np.unique(_as_text(column), return_inverse=True)
        places = {value: place for place, value in enumerate(self.values)}
        for name in map(str, names):
            if name not in places:
                raise InputError(f"{where}: {self.name} has no class '{name}'{self._hint(name)}")
        codes = np.array([places[str(name)] for name in names])[codes]
        indicators = np.zeros((len(column), self.width), np.float32)
        indicators[np.arange(len(column)), codes] = 1.0
        return indicators

    def parse(self, text: str, where: str) -> np.ndarray:
        """What a person typed, as a column of one row.

        Raises:
            InputError: There is no such name.
        """
        lower = [value.lower() for value in self.values]
        found = text if text in self.values else None
        if found is None and lower.count(text.lower()) == 1:
            found = self.values[lower.index(text.lower())]
        if found is None:
            raise InputError(f"{where}: {self.name} has no class '{text}'{self._hint(text)}")
        return np.array([found])

    def decode(self, vectors: np.ndarray) -> list[str]:
        """The names that vectors of shape (n, width) stand for."""
        return [self.values[code] for code in self.codes(vectors)]

    def codes(self, vectors: np.ndarray) -> np.ndarray:
        """The places of the names, of shape (n,)."""
        return vectors.argmax(axis=1)

    def as_dict(self) -> dict[str, Any]:
        """The column as JSON can hold it."""
        return {"name": self.name, "values": list(self.values)}

    def _hint(self, text: str) -> str:
        close = difflib.get_close_matches(text, self.values, n=1)
        return f"; did you mean '{close[0]}'?" if close else f"; expected {self.expected}"


@dataclass(frozen=True)
class Quantity:
    """A column of numbers, which becomes its deviation from the mean in standard deviations.

    Attributes:
        name: Of the column.
        mean: What is subtracted.
        stddev: What is divided by.

    Example:
        >>> Quantity("age", 30.0, 10.0).encode(np.array([35.0]), "people").tolist()
        [[0.5]]
    """

    name: str
    mean: float
    stddev: float
    width: ClassVar[int] = 1
    expected: ClassVar[str] = "a number"

    def __str__(self) -> str:
        return f"{self.name} (a number)"

    def encode(self, column: np.ndarray, where: str) -> np.ndarray:
        """The vectors of a column; see `Category.encode`.

        Raises:
            InputError: A cell is no finite number.
        """
        try:
            numbers = column.astype(np.float64)
        except ValueError:
            numbers = np.array([_number(cell) for cell in column])
        bad = np.flatnonzero(~np.isfinite(numbers))
        if bad.size:
            raise InputError(
                f"{where}: {self.name} must hold finite numbers, got '{column[bad[0]]}' (example "
                f"{bad[0] + 1})"
            )
        return ((numbers - self.mean) / self.stddev).astype(np.float32)[:, None]

    def parse(self, text: str, where: str) -> np.ndarray:
        """What a person typed, as a column of one row.

        Raises:
            InputError: It is no finite number.
        """
        if not np.isfinite(_number(text)):
            raise InputError(f"{where}: {self.name} is a number, got '{text}'")
        return np.array([float(text)])

    def decode(self, vectors: np.ndarray) -> list[str]:
        """The numbers that vectors of shape (n, 1) stand for, as text."""
        return [f"{number:.6g}" for number in self.mean + self.stddev * vectors[:, 0].astype("f8")]

    def codes(self, vectors: np.ndarray) -> np.ndarray:
        """What sorts the numbers, of shape (n,)."""
        return vectors[:, 0]

    def as_dict(self) -> dict[str, Any]:
        """The column as JSON can hold it."""
        return {"name": self.name, "mean": self.mean, "stddev": self.stddev}


@dataclass(frozen=True)
class Context:
    """The columns that examples are conditioned on, and the vector that they make together.

    Attributes:
        columns: Categories and quantities, in the order of their entries in the vector.

    Example:
        >>> context = Context.of({"smoker": np.array(["yes", "no"]), "age": np.array([20.0, 40.0])})
        >>> context.encode({"smoker": np.array(["no"]), "age": np.array([40.0])}, "me").tolist()
        [[1.0, 0.0, 1.0]]
        >>> context.titles(context.parse("yes,30"))
        ['smoker yes, age 30']
    """

    columns: tuple[Category | Quantity, ...]

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], where: str = "context") -> "Context":
        """What these columns ask for: text makes categories, numbers make quantities.

        Args:
            columns: Values by name, all there are, of shape (n,) each.
            where: What to call the data in an error.

        Returns:
            The context.

        Raises:
            InputError: A column holds numbers that are not finite, or has too many names.
        """
        return cls(tuple(_column_of(name, values, where) for name, values in columns.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Entries of a vector."""
        return sum(column.width for column in self.columns)

    @property
    def expected(self) -> str:
        """What is given for a value on the command line, as the end of "expected ..."."""
        if len(self.columns) == 1:
            return self.columns[0].expected
        each = ", ".join(f"{column.name} ({column.expected})" for column in self.columns)
        return f"{','.join(name.upper() for name in self.names)}: {each}"

    def encode(self, columns: Mapping[str, np.ndarray], where: str) -> np.ndarray:
        """The vectors of examples.

        Args:
            columns: Values by name, of shape (n,) each.
            where: What to call the data in an error.

        Returns:
            float32 array of shape (n, width).

        Raises:
            InputError: A column is not there, or holds what is not known.
        """
        for name in self.names:
            if name not in columns:
                what = "labels" if name == LABELS else f"column '{name}'"
                raise InputError(
                    f"{where}: has no {what}, which the model is conditioned on; add them, or give "
                    f"one value for all examples: --context VALUE, {self.expected}"
                )
        vectors = [column.encode(columns[column.name], where) for column in self.columns]
        return np.concatenate(vectors, axis=1)

    def parse(self, text: str, where: str = "context") -> np.ndarray:
        """The vector of what a person typed: the values in order, or as NAME=VALUE.

        Args:
            text: Values between commas; a single column takes all of the text.
            where: Name of the option, for the error.

        Returns:
            float32 array of shape (1, width).

        Raises:
            InputError: There are more or fewer values than columns, or one is not known.
        """
        cells = self._cells(text, where)
        return self.encode(
            {column.name: column.parse(cells[column.name], where) for column in self.columns}, where
        )

    def _cells(self, text: str, where: str) -> dict[str, str]:
        cells = next(csv.reader([text], skipinitialspace=True), [])
        given = [text] if len(self.columns) == 1 else cells
        given = [cell.strip() for cell in given]
        named = {}
        for cell in given:
            name, sign, value = cell.partition("=")
            if sign and name.strip() in self.names:
                named[name.strip()] = value.strip()
        if named and len(named) == len(given) == len(self.columns):
            return named
        if named and set(named) != set(self.names):
            missing = [name for name in self.names if name not in named]
            raise InputError(
                f"{where}: '{text}' says nothing of {', '.join(missing)}; expected {self.expected}"
            )
        if len(given) != len(self.columns):
            values = "1 value" if len(given) == 1 else f"{len(given)} values"
            raise InputError(f"{where}: '{text}' holds {values}; expected {self.expected}")
        return dict(zip(self.names, given, strict=True))

    def decode(self, vectors: np.ndarray) -> dict[str, list[str]]:
        """The values that vectors stand for, as text by column.

        Args:
            vectors: Shape (n, width).

        Returns:
            n values by name.
        """
        return {column.name: column.decode(part) for column, part in self._parts(vectors)}

    def titles(self, vectors: np.ndarray) -> list[str]:
        """What each vector stands for, in a few words: the value of a category alone suffices.

        Args:
            vectors: Shape (n, width).

        Returns:
            n texts.
        """
        if len(self.columns) == 1 and isinstance(self.columns[0], Category):
            return self.columns[0].decode(vectors)
        columns = [
            [f"{name} {value}" for value in values] for name, values in self.decode(vectors).items()
        ]
        return [", ".join(each) for each in zip(*columns, strict=True)]

    def distinct(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The different vectors, in the order of names and numbers, and how often each stands.

        Args:
            vectors: Shape (n, width).

        Returns:
            Arrays of shape (m, width) and (m,).
        """
        codes = np.stack([column.codes(part) for column, part in self._parts(vectors)], axis=1)
        _, first, counts = np.unique(codes, axis=0, return_index=True, return_counts=True)
        return vectors[first], counts

    def as_list(self) -> list[dict[str, Any]]:
        """The columns as JSON can hold them."""
        return [column.as_dict() for column in self.columns]

    @classmethod
    def from_list(cls, columns: Sequence[Mapping[str, Any]]) -> "Context":
        """The context that `as_list` described.

        Raises:
            KeyError, TypeError, ValueError: It is no such description.
        """
        made = []
        for column in columns:
            name = str(column["name"])
            if "values" in column:
                made.append(Category(name, tuple(map(str, column["values"]))))
            else:
                made.append(Quantity(name, float(column["mean"]), float(column["stddev"])))
        return cls(tuple(made))

    def _parts(self, vectors):
        start = 0
        for column in self.columns:
            yield column, vectors[:, start : start + column.width]
            start += column.width


def _column_of(name: str, values: np.ndarray, where: str) -> Category | Quantity:
    if values.dtype.kind == "U":
        found = _in_order(map(str, np.unique(values)))
        if len(found) > _MOST_VALUES:
            raise InputError(
                f"{where}: context {name} has {len(found)} different values; expected at most "
                f"{_MOST_VALUES} categories, or numbers"
            )
        return Category(name, found)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(
            f"{where}: context {name} is {values[bad[0]]} (example {bad[0] + 1}); expected finite "
            "numbers"
        )
    stddev = float(values.std(dtype=np.float64))
    return Quantity(name, float(values.mean(dtype=np.float64)), stddev if stddev > 0 else 1.0)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted; numbers that are written as text by their values, so that 10 follows 9."""
    names = sorted(names)
    numbers = [_number(name) for name in names]
    if np.isnan(numbers).any():
        return tuple(names)
    return tuple(names[place] for place in np.argsort(numbers, kind="stable"))


def _as_text(column: np.ndarray) -> np.ndarray:
    return column if column.dtype.kind == "U" else np.array([f"{value:.17g}" for value in column])


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
