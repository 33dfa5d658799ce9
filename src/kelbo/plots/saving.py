"""Figures to files, all or nothing."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from kelbo.files import replacing
from kelbo.plots.style import DPI, unknown_glyphs_allowed


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
    with replacing(path) as temporary, unknown_glyphs_allowed():
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
    return Path(path)
