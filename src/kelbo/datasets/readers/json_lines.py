"""Tables in text files with a JSON object per line."""

import json
from pathlib import Path
from typing import Any

from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.text import open_text
from kelbo.datasets.readers.typed import read_columns
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError

_ANY = Reading()


def read_json_lines(path: Path, reading: Reading = _ANY) -> RawArrays:
    r"""Read a table of numbers from a file with a JSON object per line.

    The columns are the names of the first object, then those that come up later; an object without
    one of the names, or with null, lacks that value.

    Args:
        path: The file, in UTF-8; compressed where its name ends in .gz.
        reading: How it is to be read; `header` says nothing here.

    Returns:
        As `read_csv`.

    Raises:
        InputError: The file is missing, empty or not text; a line is no object, or holds lists or
            objects in it; or as `read_csv`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "t.jsonl")
        ...     _ = path.write_text('{"a": 1, "class": "x"}\n{"a": 2.5, "class": "y"}\n')
        ...     raw = read_json_lines(path)
        >>> raw.x_train.tolist(), raw.y_train.tolist(), raw.feature_names
        ([[1.0], [2.5]], ['x', 'y'], ('a',))
    """
    with open_text(path) as text:
        rows = {i: _row(line, i, path) for i, line in enumerate(text, 1) if line.strip()}
    names = dict.fromkeys(name for row in rows.values() for name in row)
    columns = {name: [row.get(name) for row in rows.values()] for name in names}
    return read_columns(columns, path, reading, list(rows))


def _row(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {number} is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError(
            f'{path}: line {number} is no JSON object; expected a line such as {{"a": 1.5}}'
        )
    for name, value in row.items():
        if isinstance(value, list | dict):
            raise InputError(
                f"{path}: line {number}, column '{name}': holds a {type(value).__name__}; expected "
                "a number, text or null; arrays go into a .npz file"
            )
    return row
