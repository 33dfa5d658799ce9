"""Where the files of known data sets are looked for."""

import os
from pathlib import Path

from kelbo.errors import InputError


def cache_folder() -> Path:
    """Where downloads are kept: `$KELBO_CACHE_DIR`, else the cache folder of the system.

    Returns:
        The folder; it need not exist.

    Example:
        >>> candidates("mnist")[-1] == cache_folder() / "mnist.npz"
        True
    """
    if chosen := os.environ.get("KELBO_CACHE_DIR"):
        return Path(os.path.expanduser(chosen))
    import pooch

    return Path(pooch.os_cache("kelbo"))


def candidates(name: str, data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """List the files that may hold a known data set, in the order in which they are tried.

    Args:
        name: Name of the data set.
        data_dir: A folder to try first.

    Returns:
        NAME.npz in `data_dir`, in `$KELBO_DATA_DIR`, in the cache; as many of them as are set.

    Raises:
        InputError: `data_dir` is given and is no folder.

    Example:
        >>> [path.name for path in candidates("mnist")][-1]
        'mnist.npz'
    """
    folders = []
    if data_dir is not None:
        folders.append(Path(os.path.expanduser(data_dir)))
        if not folders[0].is_dir():
            raise InputError(
                f"data_dir '{data_dir}' is no folder; give the one that holds {name}.npz"
            )
    if chosen := os.environ.get("KELBO_DATA_DIR"):
        folders.append(Path(os.path.expanduser(chosen)))
    folders.append(cache_folder())
    return [folder / f"{name}.npz" for folder in folders]


def find(name: str, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the first of `candidates` that exists, or None.

    Args:
        name: Name of the data set.
        data_dir: A folder to try first.

    Returns:
        The file, or None.

    Raises:
        InputError: `data_dir` is given and is no folder.

    Example:
        >>> find("no_such_set") is None
        True
    """
    return next((path for path in candidates(name, data_dir) if path.is_file()), None)
