"""NumPy's own files: .npy and .npz."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from kelbo.datasets.context import LABELS
from kelbo.datasets.labels import first_measured
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError

_ANY = Reading()

# Everything that NumPy, zipfile and zlib raise for a damaged, foreign or unreadable file.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(path: Path, reading: Reading = _ANY) -> RawArrays:
    """Read the arrays of a .npz file.

    Keys: `x_train` (or `x`), and where they exist `y_train` (or `y`), `x_test`, `y_test`. A file of
    a single array needs no such key. Other keys are left out, and said, and so are labels that are
    no classes but measured values. Pickled objects are never
    loaded.

    Args:
        path: The file.
        reading: Its `context` names arrays that examples are conditioned on: `age` is `age_train`
            (or `age`), and where it exists `age_test`.

    Returns:
        The arrays as they stand there.

    Raises:
        InputError: The file is missing, damaged, holds pickled objects, or has none of the keys.

    Example:
        >>> import numpy as np, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "points.npz")
        ...     np.savez(path, x=np.ones((4, 2)), y=np.arange(4))
        ...     raw = read_npz(path)
        >>> raw.x_train.shape, raw.y_train.shape, raw.x_test
        ((4, 2), (4,), None)
    """
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise InputError(f"{path}: is a single array, not an archive; rename it to .npy")
        with file:
            keys = list(file.files)
            x_key = _train_key(keys, path)
            wanted = [x_key, _first(keys, "y_train", "y"), "x_test", "y_test"]
            names = [name for name in reading.context if name != LABELS]
            given = {name: (_first(keys, f"{name}_train", name), f"{name}_test") for name in names}
            of_context = [key for pair in given.values() for key in pair]
            left = ", ".join(key for key in keys if key not in (*wanted, *of_context))
            remarks = (f"left out: {left}",) if left else ()
            arrays = {i: file[key] if key in keys else None for i, key in enumerate(wanted)}
            for i in (1, 3):
                value = first_measured(arrays[i])
                if value is not None:
                    arrays[i] = None
                    remarks += (f"left out: {wanted[i]} holds measured values such as {value:g}",)
            train, test = (
                {
                    name: _as_context(file[pair[i]], pair[i], path)
                    for name, pair in given.items()
                    if pair[i] in keys
                }
                for i in (0, 1)
            )
            return RawArrays(
                *arrays.values(), remarks=remarks, context_train=train, context_test=test
            )
    except InputError:
        raise
    except _UNREADABLE as error:
        raise _unreadable(path, error, ".npz") from error


def read_npy(path: Path, reading: Reading = _ANY) -> RawArrays:
    """Read the single array of a .npy file, as `x_train`.

    Args:
        path: The file.
        reading: It says nothing here.

    Returns:
        The array as it stands there.

    Raises:
        InputError: The file is missing, damaged or holds pickled objects.

    Example:
        >>> import numpy as np, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "x.npy")
        ...     np.save(path, np.ones((4, 2)))
        ...     read_npy(path).x_train.shape
        (4, 2)
    """
    try:
        array = np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise _unreadable(path, error, ".npy") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{path}: is an archive, not a single array; rename it to .npz")
    return RawArrays(array)


def _as_context(values: np.ndarray, key: str, path: Path) -> np.ndarray:
    """Numbers or text, one for each example."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "biufUS":
        raise InputError(
            f"{path}: context {key} has type {values.dtype} and shape {values.shape}; expected one "
            "number or text for each example"
        )
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values.astype("str" if values.dtype.kind in "bU" else "float64")


def _first(keys: list[str], *candidates: str) -> str | None:
    return next((key for key in candidates if key in keys), None)


def _train_key(keys: list[str], path: Path) -> str:
    key = _first(keys, "x_train", "x")
    if key is None and len(keys) == 1 and keys[0] not in ("x_test", "y_train", "y_test", "y"):
        key = keys[0]
    if key is None:
        raise InputError(
            f"{path}: holds {', '.join(keys) if keys else 'no array'}; expected x_train (and "
            "y_train, x_test, y_test), x (and y), or a single array"
        )
    return key


def _unreadable(path: Path, error: BaseException, kind: str) -> InputError:
    if "Object arrays" in str(error):
        return InputError(
            f"{path}: holds pickled Python objects, which are never loaded; save plain numeric "
            "arrays"
        )
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return InputError(f"{path}: cannot be read ({error.strerror})")
    detail = " ".join(str(error).split()) or type(error).__name__
    if "pickle" in detail:  # NumPy takes every file that it does not know for a pickle
        detail = "not NumPy's format; pickles are never loaded"
    return InputError(f"{path}: is damaged or no {kind} file ({detail})")
