"""One setting of a run: what may be given, in a file and on the command line, and what it means."""

import abc
import csv
import dataclasses
import math
import reprlib
from typing import Any

from kelbo.errors import InputError
from kelbo.runs.suggestions import did_you_mean

_NONE = ("none", "null", "off")


class _Short(reprlib.Repr):
    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, 200, 200

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if abs(x) < 10**100 else f"a number of {x.bit_length()} bits"


def shown(value: Any) -> str:
    """A value as an error message names it: short, however large, deep or often shared it is.

    Example:
        >>> shown("two"), shown([[[[[1]]]]])
        ("'two'", '[[[[...]]]]')
    """
    return _Short().repr(value)


@dataclasses.dataclass(frozen=True)
class Setting(abc.ABC):
    """The rule of one setting.

    Attributes:
        help: What it does, in one line.
        optional: Whether it may be None, which is written `none` on the command line.
    """

    help: str
    optional: bool = False

    @property
    @abc.abstractmethod
    def expected(self) -> str:
        """What may be given, as the end of the sentence "expected ..."."""

    @property
    @abc.abstractmethod
    def metavar(self) -> str:
        """What stands for a value in the help of the command line."""

    @abc.abstractmethod
    def accept(self, value: Any) -> Any:
        """The value as it is kept; ValueError or TypeError where it breaks the rule."""

    @abc.abstractmethod
    def parse(self, text: str) -> Any:
        """What a person typed, as a value; ValueError where it is none."""

    def checked(self, name: str, value: Any) -> Any:
        """The value as it is kept.

        Raises:
            InputError: The value breaks the rule.
        """
        if value is None and self.optional:
            return None
        try:
            return self.accept(value)
        except (TypeError, ValueError, OverflowError):
            raise self._refused(name, value) from None

    def parsed(self, name: str, text: str) -> Any:
        """What a person typed, as a checked value.

        Raises:
            InputError: The text breaks the rule.
        """
        if self.optional and text.strip().lower() in _NONE:
            return None
        try:
            return self.accept(self.parse(text))
        except (TypeError, ValueError, OverflowError):
            raise self._refused(name, text) from None

    def _refused(self, name, value):
        none = " or none" if self.optional else ""
        return InputError(f"{name}: expected {self.expected}{none}, got {shown(value)}")


@dataclasses.dataclass(frozen=True)
class Whole(Setting):
    """A whole number.

    Attributes:
        minimum: The least that is accepted.
        maximum: The most that is accepted; what is larger is no number of anything.
    """

    minimum: int = 1
    maximum: int = 10**18

    @property
    def expected(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    @property
    def metavar(self) -> str:
        return "INTEGER"

    def accept(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < self.minimum:
            raise ValueError
        if value > self.maximum:
            raise ValueError
        return value

    def parse(self, text: str) -> int:
        return int(text)


@dataclasses.dataclass(frozen=True)
class Number(Setting):
    """A finite number.

    Attributes:
        minimum: The least that is accepted.
        below: What it must lie below.
        positive: Whether the minimum itself is excluded.
    """

    minimum: float = 0.0
    below: float = math.inf
    positive: bool = False

    @property
    def expected(self) -> str:
        least = f"{'above' if self.positive else 'of at least'} {self.minimum:g}"
        return f"a number {least}" + (f" and below {self.below:g}" if self.below < math.inf else "")

    @property
    def metavar(self) -> str:
        return "NUMBER"

    def accept(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError
        # A string, too: YAML 1.1 reads 1e-3, without a point, as text.
        number = float(value)
        large_enough = number > self.minimum if self.positive else number >= self.minimum
        if not (large_enough and number < self.below):
            raise ValueError
        return number

    def parse(self, text: str) -> float:
        return float(text)


@dataclasses.dataclass(frozen=True)
class Choice(Setting):
    """One of a few names.

    Attributes:
        names: Those names.
    """

    names: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.names)}"

    @property
    def metavar(self) -> str:
        return "NAME"

    def accept(self, value: Any) -> str:
        if isinstance(value, bool):  # as YAML 1.1 reads yes and no
            value = "yes" if value else "no"
        if not isinstance(value, str) or value not in self.names:
            raise ValueError
        return value

    def parse(self, text: str) -> str:
        return text

    def _refused(self, name, value):
        hint = did_you_mean(shown(value).strip("'"), self.names)
        return InputError(f"{super()._refused(name, value)}{hint}")


@dataclasses.dataclass(frozen=True)
class Sizes(Setting):
    """The sizes of layers, one after the other; none stands for no layer, unless it is optional."""

    @property
    def expected(self) -> str:
        none = "" if self.optional else ", or none for no layer"
        return (
            f"whole numbers of at least 1, such as [256, 128] (on the command line: 256,128){none}"
        )

    @property
    def metavar(self) -> str:
        return "SIZES"

    def accept(self, value: Any) -> tuple[int, ...]:
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise TypeError
        size = Whole("")
        return tuple(size.accept(item) for item in value)

    def parse(self, text: str) -> list[int]:
        if text.strip().lower() in _NONE:
            return []
        return [int(item) for item in text.strip("[]() ").split(",") if item.strip()]


@dataclasses.dataclass(frozen=True)
class ImageSize(Setting):
    """The height and width of an image."""

    @property
    def expected(self) -> str:
        return "HEIGHTxWIDTH in pixels, such as 64x48, or one whole number for both"

    @property
    def metavar(self) -> str:
        return "HEIGHTxWIDTH"

    def accept(self, value: Any) -> tuple[int, int]:
        if isinstance(value, str):
            value = self.parse(value)
        sides = value if isinstance(value, list | tuple) else (value, value)
        height, width = sides
        side = Whole("", maximum=16_384)
        return side.accept(height), side.accept(width)

    def parse(self, text: str) -> list[int]:
        sides = [int(side) for side in text.lower().split("x")]
        return sides * 2 if len(sides) == 1 else sides


@dataclasses.dataclass(frozen=True)
class Numbers(Setting):
    """Numbers, one per column."""

    @property
    def expected(self) -> str:
        return "a number per column, such as [1.7e+9, 0] (on the command line: 1.7e9,0)"

    @property
    def metavar(self) -> str:
        return "NUMBERS"

    def accept(self, value: Any) -> tuple[float, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError
        numbers = tuple(map(float, value))
        if any(isinstance(item, bool | str) for item in value) or not all(
            map(math.isfinite, numbers)
        ):
            raise ValueError
        return numbers

    def parse(self, text: str) -> list[float]:
        return [float(item) for item in text.strip("[]() ").split(",") if item.strip()]


@dataclasses.dataclass(frozen=True)
class Names(Setting):
    """Names of columns."""

    @property
    def expected(self) -> str:
        return (
            "names of columns, such as [id, date] (on the command line: id,date; names that hold a "
            "comma in double quotes)"
        )

    @property
    def metavar(self) -> str:
        return "NAME[,NAME]"

    def accept(self, value: Any) -> tuple[str, ...]:
        name = Name("")
        items = value if isinstance(value, list | tuple) else (value,)
        return tuple(dict.fromkeys(map(name.accept, items)))

    def parse(self, text: str) -> list[str]:
        if text.strip().lower() in _NONE:
            return []
        names = next(csv.reader([text], skipinitialspace=True), [])
        return [name.strip() for name in names if name.strip()]


@dataclasses.dataclass(frozen=True)
class Text(Setting):
    """A name or a path."""

    @property
    def expected(self) -> str:
        return "a name or a path"

    @property
    def metavar(self) -> str:
        return "TEXT"

    def accept(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise TypeError
        return value

    def parse(self, text: str) -> str:
        return text


@dataclasses.dataclass(frozen=True)
class Name(Text):
    """The name of a column, or its number."""

    @property
    def expected(self) -> str:
        return "the name of a column"

    @property
    def metavar(self) -> str:
        return "NAME"

    def accept(self, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):  # as YAML reads the year 2019
            value = str(value)
        return super().accept(value)
