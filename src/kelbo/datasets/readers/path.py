"""Choose the reader for a path."""

from pathlib import Path

from kelbo.datasets.readers.arrays import read_npy, read_npz
from kelbo.datasets.readers.images import read_images
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.table import read_csv
from kelbo.errors import InputError

_READERS = {".npz": read_npz, ".npy": read_npy, ".csv": read_csv}


def read_path(path: Path) -> RawArrays:
    """Read a .npz, .npy or .csv file, or a folder of images.

    Args:
        path: An existing file or folder.

    Returns:
        The arrays as they stand there.

    Raises:
        InputError: The path cannot be read, or is of another kind.

    Example:
        >>> import numpy as np, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "x.npy")
        ...     np.save(path, np.ones((2, 3)))
        ...     read_path(path).x_train.shape
        (2, 3)
    """
    if path.is_dir():
        return read_images(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: cannot read a file of type '{path.suffix}'; expected .npz, .npy, .csv or a "
            "folder of images"
        )
    return reader(path)
