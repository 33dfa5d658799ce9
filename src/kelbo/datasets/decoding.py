"""From files as they are published to plain arrays."""

import gzip
import struct
from pathlib import Path

import numpy as np

_UBYTE = 0x08  # the element type of an IDX file; the published ones hold bytes only


def decode_npz(paths: list[Path]) -> dict[str, np.ndarray]:
    """Read all arrays of one .npz file.

    Args:
        paths: The one file.

    Returns:
        Arrays by key.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "a.npz")
        ...     np.savez(path, x=np.ones(3))
        ...     list(decode_npz([path]))
        ['x']
    """
    with np.load(paths[0], allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def decode_idx(paths: list[Path]) -> dict[str, np.ndarray]:
    """Read four gzipped IDX files: train images, train labels, test images, test labels.

    An IDX file is: two zero bytes, the element type, the rank, one big-endian uint32 per axis, the
    elements in C order.

    Args:
        paths: The four files, in that order.

    Returns:
        `x_train`, `y_train`, `x_test`, `y_test`, all uint8.

    Raises:
        ValueError: A file is no IDX file of bytes.

    Example:
        >>> import gzip, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "labels.gz")
        ...     _ = path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])))
        ...     decode_idx([path] * 4)["y_test"]
        array([7, 9], dtype=uint8)
    """
    keys = ("x_train", "y_train", "x_test", "y_test")
    return {key: _read_idx(path) for key, path in zip(keys, paths, strict=True)}


def _read_idx(path: Path) -> np.ndarray:
    content = gzip.decompress(path.read_bytes())
    zeros, kind, rank = struct.unpack_from(">HBB", content)
    if zeros != 0 or kind != _UBYTE:
        raise ValueError(f"{path.name} is no IDX file of bytes")
    shape = struct.unpack_from(f">{rank}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def encode_idx(array: np.ndarray) -> bytes:
    r"""Write an array of bytes as IDX: the form in which checksums are published.

    The header holds the shape, so that two arrays of equal form are equal in shape too.

    Args:
        array: uint8 array.

    Returns:
        The content of an IDX file, not compressed.

    Raises:
        ValueError: `array` is not uint8.

    Example:
        >>> encode_idx(np.array([7, 9], "uint8"))
        b'\x00\x00\x08\x01\x00\x00\x00\x02\x07\t'
    """
    if array.dtype != np.uint8:
        raise ValueError(f"expected bytes, got {array.dtype}")
    return struct.pack(f">HBB{array.ndim}I", 0, _UBYTE, array.ndim, *array.shape) + array.tobytes()


def decode_frey_faces(paths: list[Path]) -> dict[str, np.ndarray]:
    """Read the MATLAB file of the Frey faces: `ff` of (560, 1965), one face of 28 x 20 per column.

    Args:
        paths: The one .mat file.

    Returns:
        `x` of shape (1965, 28, 20), uint8, in the order of the film.

    Raises:
        KeyError: The file holds no `ff`.

    Example:
        >>> import pathlib, tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "f.mat")
        ...     savemat(path, {"ff": np.zeros((560, 3), "uint8")})
        ...     decode_frey_faces([path])["x"].shape
        (3, 28, 20)
    """
    from scipy.io import loadmat

    faces = loadmat(paths[0], variable_names=["ff"])["ff"]
    return {"x": np.ascontiguousarray(faces.T).reshape(-1, 28, 20)}
