"""The file of a checkpoint, read so that nothing in it is taken for what it is not."""

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kelbo.errors import InputError

FORMAT = "kelbo checkpoint 1"
"""What a file of this kind says of itself."""


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a checkpoint says, and its arrays.

    The sums of the archive are checked before anything is used, and every array that is spoken of
    is there, of the type and shape that was said.

    Args:
        path: The file.

    Returns:
        The description, checked, and the arrays by name.

    Raises:
        InputError: The file is damaged, or no checkpoint.
    """
    try:
        arrays = _arrays(path)
        meta = json.loads(str(arrays.pop("meta")))
        _require(isinstance(meta, dict) and meta.get("format") == FORMAT, "it is of another kind")
        for name in ("run", "settings"):
            meta.setdefault(name, None)  # of an earlier version
        for name, is_right in _RULES.items():
            _require(name in meta and is_right(meta[name]), f"its '{name}' is damaged")
        _require_arrays(meta, arrays)
    except _Wrong as error:
        raise _refused(path, str(error)) from None
    except OSError as error:
        raise _refused(path, error.strerror or type(error).__name__) from None
    except Exception as error:  # whatever a damaged archive makes Python's modules raise
        raise _refused(path, type(error).__name__) from None
    return meta, arrays


class _Wrong(Exception):
    pass


def _refused(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is not a whole Kelbo checkpoint ({reason}), so the fit cannot go on from it. "
        "Start again."
    )


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _Wrong(otherwise)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        _require(len(set(names)) == len(names), "it holds a name twice")
        # As NumPy writes them; anything smaller could grow without end.
        stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        _require(stored, "it is compressed")
        _require(archive.testzip() is None, "its content is not what was written")
        return {name.removesuffix(".npy"): _array(archive, name) for name in names}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(file)
        size = math.prod(shape) * dtype.itemsize
        _require(not dtype.hasobject, "it holds objects")
        _require(size == archive.getinfo(name).file_size - file.tell(), "an array is cut")
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _require_arrays(meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    expected = {f"variable_{i}": given for i, given in enumerate(meta["variables"])}
    for index, callback in enumerate(meta["callbacks"]):
        for name, length in callback["lists"].items():
            expected.update({f"callback_{index}_{name}_{i}": None for i in range(length)})
    _require(expected.keys() == arrays.keys(), "arrays are missing, or there are others")
    for name, given in expected.items():
        if given is not None:
            shape, dtype = given
            array = arrays[name]
            right = list(array.shape) == shape and array.dtype.name == _stored(dtype)
            _require(right, f"'{name}' is not as it says")


def _stored(dtype: str) -> str:
    """The type that the values of a variable have in the file: NumPy's files know no bfloat16."""
    return dtype if dtype in np.sctypeDict else "float32"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_variable(value: Any) -> bool:
    match value:
        case [list() as shape, str()]:
            return all(map(_is_count, shape))
    return False


def _is_history(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(column, list) and all(map(_is_number, column)) for column in value.values()
    )


def _is_callback(value: Any) -> bool:
    match value:
        case {"class": str(), "values": dict() as values, "lists": dict() as lists}:
            return all(number is None or _is_number(number) for number in values.values()) and all(
                _is_count(length) and length < 10**6 for length in lists.values()
            )
    return False


def _is_list_of(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(rule, value))


_RULES: dict[str, Callable[[Any], bool]] = {
    "run": lambda value: value is None or isinstance(value, str),
    "settings": lambda value: value is None or isinstance(value, dict),
    "epochs": _is_count,
    "step": lambda value: value is None or _is_count(value),
    "finished": lambda value: isinstance(value, bool),
    "history": _is_history,
    "variables": _is_list_of(_is_variable),
    "callbacks": _is_list_of(_is_callback),
}
