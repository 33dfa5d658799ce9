"""Figures to files, all or nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure

from kelbo.errors import InputError
from kelbo.plots.style import DPI


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a temporary path beside `path`, and renames it to `path` if the block succeeds.

    A reader sees the old file or the new one, never a part of either; an error in the block
    leaves the old file as it was and removes the temporary one.

    Args:
        path: the file to write or replace.

    Yields:
        The path to write to, in the same folder.

    Raises:
        InputError: the folder does not exist, or `path` is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"Cannot write {target}: it is a folder; give the path of a file.")
    if not target.parent.is_dir():
        raise InputError(f"Cannot write {target}: there is no folder {target.parent}; make it.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a figure as PNG, replacing an old file only once the new one is complete.

    The same figure gives the same bytes: neither the time nor a version is stored.

    Args:
        figure: the figure.
        path: where; the folder must exist. PNG whatever the suffix.

    Returns:
        The path.

    Raises:
        InputError: the folder does not exist, or `path` is a folder.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from kelbo import plots
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     figure = plots.image_grid(np.zeros((4, 8, 8)))
        ...     plots.save(figure, f"{folder}/samples.png").name
        'samples.png'
    """
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
    return Path(path)
