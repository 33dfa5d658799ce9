"""The files that a person asks for: what kinds there are, and where they may lie."""

import os
from collections.abc import Sequence
from pathlib import Path

from kelbo.errors import InputError

CODES = (".npz", ".csv")
SAMPLES = (".png", ".npy", ".csv")
RECONSTRUCTIONS = (".png", ".npz", ".csv")
"""The kinds of files that `encode`, `sample` and `reconstruct` write."""


def output_path(out: str | os.PathLike, suffixes: Sequence[str]) -> Path:
    """The path of a file that is to be written, checked before any work is done.

    Args:
        out: The path.
        suffixes: The kinds that can be written, such as ".npz".

    Returns:
        The path.

    Raises:
        InputError: It ends in none of them, is a folder, or its folder does not exist.
    """
    path = Path(out)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"out: expected a file that ends in {' or '.join(suffixes)}, got '{out}'")
    if path.is_dir():
        raise InputError(f"out: {out} is a folder; give a file")
    if not path.parent.is_dir():
        raise InputError(f"out: there is no folder {path.parent}; make it first")
    return path
