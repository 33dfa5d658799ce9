"""What each column of a table is: a feature, the labels, or left out."""

import csv
import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from kelbo.datasets.context import LABELS
from kelbo.datasets.readers.cells import booleans, has_thousands, is_missing, is_number, number
from kelbo.datasets.readers.header import LABEL_NAMES
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError

_SHOWN = 8


@dataclass(frozen=True)
class Column:
    """What is known of a column before all of it is read.

    Attributes:
        position: Its place, from 0.
        name: Its name; empty where it has none.
        text: The first words in it, which are no number; None where there are none.
        line: The line of the file where they stand, 0 where there are no lines.
        is_mixed: Whether there are numbers beside the words.
        fraction: The first number in it that is not whole, as it stands there, or None.

    Example:
        >>> Column(2, "species", text="setosa").title
        "3 ('species')"
    """

    position: int
    name: str
    text: str | None = None
    line: int = 0
    is_mixed: bool = False
    fraction: str | None = None

    @property
    def title(self) -> str:
        """What an error calls it."""
        return f"{self.position + 1} ('{self.name}')" if self.name else f"{self.position + 1}"

    @property
    def key(self) -> str:
        """What a person calls it in an option."""
        return self.name or str(self.position + 1)


@dataclass(frozen=True)
class Roles:
    """What the columns are.

    Attributes:
        features: The columns that make the examples, in order.
        label: The column of labels, or None.
        context: The columns that examples are conditioned on, by the names they were given.
        remarks: What a person should know of the choice.

    Example:
        >>> Roles((Column(0, "a"),), None).features[0].name
        'a'
    """

    features: tuple[Column, ...]
    label: Column | None
    context: Mapping[str, Column] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def choose_roles(columns: Sequence[Column], reading: Reading, path: Path) -> Roles:
    """Decide which columns are features and which one holds the labels.

    Args:
        columns: All columns, in order.
        reading: What a person has said.
        path: For the error.

    Returns:
        The roles. No feature holds text.

    Raises:
        InputError: A column that was named is not there, several could be the labels, text is in a
            column that is neither labels nor left out, or no column is left.
    """
    remarks: list[str] = []
    dropped = [_find(columns, key, "drop", reading, path) for key in reading.drop]
    rest = [column for column in columns if column not in dropped]
    label = _label(rest, reading, path, remarks)
    context = _context(rest, label, reading, path)
    if reading.columns is not None and any(column.name for column in columns):
        # Of other data for a model: its features by their names, whatever else there is.
        features = list(_named(rest, reading.columns, path))
        label = None if label in features else label
        used = (*features, *context.values(), label)
        left = [column for column in columns if column not in used]
    else:
        features = [c for c in rest if c is not label and c not in context.values()]
        unnamed = [c for c in features if not c.name and c.text is not None and _has_names(columns)]
        features = [column for column in features if column not in unnamed]
        left = [column for column in columns if column in dropped or column in unnamed]
    if left:
        remarks.append(f"left out: {'columns' if len(left) > 1 else 'column'} {_listed(left)}")
    _refuse_text(features, label, path)
    if not features:
        what = f"only the label column '{label.key}'" if label else "no column that is not left out"
        what = "only what examples are conditioned on" if context else what
        raise InputError(f"{path}: has {what}; expected numbers too")
    return Roles(tuple(features), label, context, remarks)


def assemble(
    x: np.ndarray,
    labels: Sequence[str] | None,
    lines: Sequence[int] | None,
    roles: Roles,
    reading: Reading,
    path: Path,
    remarks: Sequence[str],
    context: Mapping[str, np.ndarray],
) -> RawArrays:
    """The arrays of a table that was read: without row numbers, and without rows that lack a value.

    Args:
        x: Features of shape (rows, features), NaN where there is no value.
        labels: Labels as text, empty where there is none; None for no labels.
        lines: The line of each row, or None.
        roles: What the columns are.
        reading: Says what is done with rows that lack a value.
        path: For the error.
        remarks: What is known already.
        context: What examples are conditioned on, as `as_column` makes it, by name.

    Returns:
        The arrays.

    Raises:
        InputError: Values are missing and are not to be, or no row is left.
    """
    remarks = [*remarks, *roles.remarks]
    features = list(roles.features)
    x, features = _without_row_numbers(x, features, path, remarks)
    beside = {} if labels is None else {f"{roles.label.title}: the label is empty": labels}
    for name, column in context.items():
        beside[f"{roles.context[name].title}: no value"] = column
    kept = _complete(x, beside, lines, features, reading, path, remarks)
    if kept is not None:
        x, context = x[kept], {name: column[kept] for name, column in context.items()}
        labels = None if labels is None else [labels[i] for i in kept]
    if roles.label is not None:
        named = reading.label_column != "auto"
        hint = "" if named else "; --label-column none keeps it among the data"
        count = len(set(labels))
        remarks.append(f"labels: column '{roles.label.key}', {count} different{hint}")
    names = tuple(column.name for column in features)
    return RawArrays(
        x,
        None if labels is None else np.array(labels),
        feature_names=names if any(names) else None,
        remarks=tuple(remarks),
        context_train=context,
    )


def describe(
    position: int, name: str, cells: Sequence[tuple[int, str]], decimal: str = "."
) -> tuple[Column, dict[str, int] | None]:
    """What the cells of a column, or some of them, say of it.

    Args:
        position: Its place, from 0.
        name: Its name, or nothing.
        cells: Lines of the file, and what stands there.
        decimal: The sign before the fraction.

    Returns:
        The column, and the words in it that stand for 1 and 0, or None.

    Example:
        >>> describe(0, "smoker", [(2, "yes"), (3, "no")])[1]
        {'yes': 1, 'no': 0}
    """
    given = [(line, cell.strip()) for line, cell in cells if not is_missing(cell)]
    words = [(line, cell) for line, cell in given if not is_number(cell, decimal)]
    pair = booleans({cell.lower() for _, cell in given})
    numbers = (cell for _, cell in given if is_number(cell, decimal))
    fraction = next((c for c in numbers if not number(c, decimal).is_integer()), None)
    line, text = words[0] if words and not pair else (0, None)
    return Column(position, name, text, line, len(words) < len(given), fraction), pair


def no_number(column: Column, cell: str, line: int, path: Path, advice: str) -> InputError:
    """The error for a cell that holds no number."""
    parts = cell.split()
    if has_thousands(cell):
        advice = "write it without signs between the thousands"
    elif len(parts) > 1 and all(map(is_number, parts)):
        advice = "separate the cells by commas or tabs"
    elif is_number(cell.strip().strip("$€£¥%")):
        advice = "write the number alone"
    where = f"line {line}, column" if line else "column"
    shown = " ".join(cell.split())[:40]
    return InputError(f"{path}: {where} {column.title}: '{shown}' is not a number; {advice}")


def drop_option(columns: Iterable[Column]) -> str:
    r"""The option of the command line that leaves columns out, as it can be typed.

    Example:
        >>> drop_option([Column(0, "id"), Column(1, "height, cm")])
        '--drop \'id,"height, cm"\''
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([column.key for column in columns])
    return f"--drop {shlex.quote(line.getvalue())}"


def yes_and_no(columns: Iterable[Column]) -> str:
    """The remark on columns whose words became numbers."""
    return f"yes and no (or true and false) become 1 and 0 in {_listed(list(columns))}"


def _has_names(columns):
    return any(column.name for column in columns)


def _listed(columns):
    more = len(columns) - _SHOWN
    return ", ".join(c.key for c in columns[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _find(columns, key, option, reading, path):
    found = [c for c in columns if c.name == key] or [
        c for c in columns if c.name and c.name.lower() == key.lower()
    ]
    if not found and not any(is_number(c.name) for c in columns):
        found = [c for c in columns if str(c.position + 1) == key]
    if len(found) > 1:
        raise InputError(f"{option}: {path} has {len(found)} columns named '{key}'; rename them")
    if found:
        return found[0]
    if not reading.strict:
        return None
    keys = [column.key for column in columns]
    close = get_close_matches(key, keys, n=1)
    known = _listed(columns) if _has_names(columns) else f"1 to {len(columns)}, without names"
    hint = f"; did you mean '{close[0]}'?" if close else f"; its columns are {known}"
    raise InputError(f"{option}: {path} has no column '{key}'{hint}")


def _named(columns, names, path):
    """The columns of these names; of a name that stands twice, one after the other."""
    left = list(columns)
    for name in names:
        found = next((column for column in left if column.name == name), None)
        if found is None:
            raise InputError(
                f"{path}: has no column '{name}', which the model was fitted to; its columns are "
                f"{_listed(columns)}"
            )
        left.remove(found)
        yield found


def _label(columns, reading, path, remarks):
    if reading.label_column is None:
        return None
    if reading.label_column != "auto":
        return _find(columns, reading.label_column, "label_column", reading, path)
    found = [column for column in columns if column.name.lower() in LABEL_NAMES]
    if len(found) > 1:
        names = " and ".join(f"'{column.name}'" for column in found)
        raise InputError(
            f"{path}: columns {names} could all be the labels; --label-column NAME says which, "
            "--label-column none that none is"
        )
    if found and found[0].fraction is not None and found[0].text is None:
        column = found[0]
        remarks.append(
            f"column '{column.name}' holds measured values such as {column.fraction}: it is kept "
            "among the data, not as labels"
        )
        return None
    return found[0] if found else None


def _context(columns, label, reading, path):
    """The columns that were named; "labels" is one only where there is no label column."""
    found = {}
    for key in reading.context:
        if key == LABELS and (label is not None or not any(c.name == LABELS for c in columns)):
            continue
        column = _find(columns, key, "context", reading, path)
        if column is not None:
            found[key] = column
    return found


def _refuse_text(features, label, path):
    texts = [column for column in features if column.text is not None]
    if not texts:
        return
    first, whole = texts[0], [column for column in texts if not column.is_mixed]
    if first.is_mixed:
        advice = (
            f"correct it, leave its row out, or leave the column out with {drop_option([first])}"
        )
    else:
        advice = f"{drop_option(whole)} leaves {'it' if len(whole) == 1 else 'such columns'} out"
        if label is None:
            key = shlex.quote(first.key) if len(whole) == 1 else "NAME"
            advice += f", --label-column {key} takes {'it' if len(whole) == 1 else 'one'} for the "
            advice += "classes"
        advice += "; a category that is to be modelled must be written as numbers"
    raise no_number(first, first.text, first.line, path, advice)


def _without_row_numbers(x, features, path, remarks):
    """Leaves out columns without a name, beside others with names, that say nothing."""
    keep = []
    for i, column in enumerate(features):
        values = x[:, i]
        named = column.name and not column.name.lower().startswith("unnamed:")
        if not _has_names(features) or named:
            keep.append(i)
            if column.name and len(x) > 2 and _numbers_rows(values) and _is_index(column.name):
                remarks.append(
                    f"column '{column.name}' numbers the rows; {drop_option([column])} leaves it "
                    "out"
                )
        elif np.isnan(values).all() or _numbers_rows(values):
            why = "is empty" if np.isnan(values).all() else "numbers the rows"
            remarks.append(f"left out: column {column.position + 1}, which has no name and {why}")
        else:
            raise InputError(
                f"{path}: column {column.position + 1} has no name in the header; name it, or "
                "leave it out (pandas: to_csv(index=False))"
            )
    if not keep:
        raise InputError(f"{path}: no column of numbers is left")
    return (x if len(keep) == len(features) else x[:, keep]), [features[i] for i in keep]


def _is_index(name):
    return name.lower().strip("_. #") in ("id", "index", "no", "nr", "row", "rowid", "row_id", "")


def _numbers_rows(values):
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _complete(x, beside, lines, features, reading, path, remarks):
    """The rows that lack nothing, where some do; None where all are complete.

    What stands beside x goes by what is said of a row that lacks it: columns of numbers, NaN for
    none, or of text, empty for none.
    """
    if len(x) == 0:
        return None
    missing = np.isnan(x)
    lacking = {said: _is_empty(column) for said, column in beside.items()}
    rows = np.logical_or.reduce([missing.any(axis=1), *lacking.values()])
    if not rows.any():
        return None
    for i in np.flatnonzero(missing.all(axis=0)):
        raise InputError(
            f"{path}: column {features[i].title} has no value in any row; leave it out with "
            f"{drop_option([features[i]])}"
        )
    count = int(rows.sum())
    if reading.missing == "error":
        row = int(np.flatnonzero(rows)[0])
        where = f"line {lines[row]}" if lines is not None else f"row {row + 1}"
        if missing[row].any():
            what = f"{features[int(np.flatnonzero(missing[row])[0])].title}: no value"
        else:
            what = next(said for said, lacks in lacking.items() if lacks[row])
        raise InputError(
            f"{path}: {where}, column {what}; {count} of {len(x)} rows lack one: --missing drop "
            "leaves those rows out, or fill them"
        )
    if count == len(x):
        raise InputError(
            f"{path}: every row lacks a value; leave out the columns that are mostly empty (--drop)"
        )
    remarks.append(f"left out: {count} of {len(x)} rows, which lack a value")
    return np.flatnonzero(~rows)


def _is_empty(column):
    column = np.asarray(column)
    return np.isnan(column) if column.dtype.kind == "f" else column == ""
