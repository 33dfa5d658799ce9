"""Choose the reader for a path."""

from pathlib import Path

from kelbo.datasets.readers.arrays import read_npy, read_npz
from kelbo.datasets.readers.images import read_images
from kelbo.datasets.readers.json_lines import read_json_lines
from kelbo.datasets.readers.parquet import read_parquet
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.table import read_csv
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError

_ARRAYS = {".npz": read_npz, ".npy": read_npy}
_TABLES = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".csv.gz": read_csv,
    ".tsv.gz": read_csv,
    ".jsonl": read_json_lines,
    ".jsonl.gz": read_json_lines,
    ".parquet": read_parquet,
}
_ANY = Reading()


def read_path(path: Path, reading: Reading = _ANY) -> RawArrays:
    """Read a file of arrays (.npz, ...), a table (.csv, .parquet, ...), or a folder of images.

    Args:
        path: An existing file or folder.
        reading: How tables and images are read.

    Returns:
        The arrays as they stand there.

    Raises:
        InputError: The path cannot be read, or is of another kind; or `reading` says something of
            another kind.

    Example:
        >>> import numpy as np, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "x.npy")
        ...     np.save(path, np.ones((2, 3)))
        ...     read_path(path).x_train.shape
        (2, 3)
    """
    if path.is_dir():
        reading.require_for("images", str(path))
        return read_images(path, reading.size)
    suffix = _suffix(path)
    if suffix in _ARRAYS:
        reading.require_for("arrays", str(path))
        return _ARRAYS[suffix](path, reading)
    if suffix in _TABLES:
        reading.require_for("table", str(path))
        return _TABLES[suffix](path, reading)
    raise InputError(
        f"{path}: cannot read a file of type '{suffix}'; expected "
        f"{', '.join([*_ARRAYS, *_TABLES])} or a folder of images"
    )


def name_of(path: Path) -> str:
    """The name of a file or folder without what tells its kind.

    Example:
        >>> name_of(Path("data/wine.csv.gz"))
        'wine'
    """
    return path.name[: len(path.name) - len(_suffix(path))]


def _suffix(path: Path) -> str:
    last = path.suffix.lower()
    both = f"{Path(path.stem).suffix.lower()}{last}"
    return both if last == ".gz" else last
