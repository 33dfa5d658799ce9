"""Many small images as one picture."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike

from kelbo.errors import InputError
from kelbo.plots.arrays import as_events, as_images, require_finite
from kelbo.plots.features import shortened
from kelbo.plots.rows import reconstructed_rows
from kelbo.plots.style import PAD, WIDTH, styled

_TALLEST = 10.0  # inches; beyond it a picture no longer fits a screen or a page
_PAPER = 1.0  # the value of the gaps: white


def tile(
    images: np.ndarray, columns: int, gap: int = 0, pair_gap: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lays images out row by row in one array, white between them and after the last.

    Args:
        images: shape (n, H, W) or (n, H, W, 3).
        columns: images in a row.
        gap: pixels between neighbours.
        pair_gap: pixels more below every second row.

    Returns:
        The picture, of shape (height, width) or (height, width, 3), and the pixel coordinates of
        the centre of every column and of every row.
    """
    count, height, width = images.shape[:3]
    row = np.arange(math.ceil(count / columns))
    tops = row * (height + gap) + row // 2 * pair_gap
    lefts = np.arange(columns) * (width + gap)
    picture = np.full(
        (tops[-1] + height, lefts[-1] + width, *images.shape[3:]), _PAPER, dtype=images.dtype
    )
    for index, image in enumerate(images):
        top, left = tops[index // columns], lefts[index % columns]
        picture[top : top + height, left : left + width] = image
    return picture, lefts + (width - 1) / 2, tops + (height - 1) / 2


def show(
    picture: np.ndarray, *, left: float = 0.0, below: float = 0.0, above: float = 0.0
) -> tuple[Figure, Axes]:
    """A figure that holds one picture, as large as fits, with neither frame nor ticks.

    Args:
        picture: shape (height, width) or (height, width, 3), values in [0, 1].
        left: inches to leave for labels at the left.
        below: inches to leave for labels below.
        above: inches to leave for a title.

    Returns:
        The figure and its axes.
    """
    rows, columns = picture.shape[:2]
    inches = min((WIDTH - left - 2 * PAD) / columns, _TALLEST / rows)
    width, height = columns * inches, rows * inches
    whole_width, whole_height = width + left + 2 * PAD, height + below + above + 2 * PAD
    # The place of the picture is known exactly, so that nothing is left to a layout engine.
    figure = Figure(figsize=(whole_width, whole_height))
    axes = figure.add_axes(
        (
            (left + PAD) / whole_width,
            (below + PAD) / whole_height,
            width / whole_width,
            height / whole_height,
        )
    )
    axes.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return figure, axes


def thin_gap(images: np.ndarray) -> int:
    """Pixels between tiles: a twelfth of an image, at least 1."""
    return max(1, round(min(images.shape[1:3]) / 12))


@styled
def image_grid(
    images: ArrayLike,
    columns: int | None = None,
    title: str | None = None,
    row_names: Sequence[str] | None = None,
) -> Figure:
    """Shows images in rows, all on the same scale: 0 is black and 1 is white.

    Values outside [0, 1] are clipped; no image is rescaled by its own range, so a faint image
    stays faint.

    Args:
        images: shape (n, H, W), (n, H, W, 1) or (n, H, W, 3), or with channels first; values in
            [0, 1].
        columns: images in a row; by default about as many as make the picture square,
            and a number nearby that leaves no row short where there is one.
        title: text above the picture.
        row_names: text at the left of every row: the same number of images stands in each.

    Returns:
        A figure with one axes that holds one image, the mosaic.

    Raises:
        InputError: a wrong shape, values that are not finite, bytes in place of [0, 1], fewer
            than one column, or images that do not fill the rows that are named.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from kelbo import plots
        >>> figure = plots.image_grid(load_digits().images[:50] / 16, columns=10)
        >>> figure.axes[0].images[0].get_array().shape
        (44, 89)
    """
    images = as_images(images, "images")
    count, height, width = images.shape[:3]
    square = math.sqrt(count * height / width)
    if row_names is None:
        columns = _columns(columns, _full_rows(count, square), count)
    else:
        columns = _columns_of_rows(columns, row_names, count)
    picture, _, centres = tile(images, columns, thin_gap(images))
    names = [shortened(name) for name in row_names or ()]
    left = max(map(_inches_of_label, names), default=0.0)
    figure, axes = show(picture, left=left, above=0.25 if title else 0.0)
    if names:
        axes.set_yticks(centres, names)
        axes.tick_params(length=0)
    if title:
        axes.set_title(title)
    return figure


@styled
def reconstructions(
    originals: ArrayLike,
    reconstructed: ArrayLike,
    columns: int = 10,
    event_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    reference: ArrayLike | None = None,
) -> Figure:
    """Shows examples beside what a model makes of them.

    Images (events of rank 2, or 3 with 1 or 3 channels) stand in pairs of rows: originals above,
    their reconstructions below, on one scale. Vectors are compared by one scatter plot
    per feature where these are few or (the first forty) of very different scales, else example by
    example: as points beside the names of up to forty features, or as lines.

    Args:
        originals: shape (n, ...).
        reconstructed: the same shape, in the same order.
        columns: images in a row.
        event_shape: shape of one example, where the arrays hold it flattened: (28, 28) for
            (n, 784).
        feature_names: the name of every feature, of vectors.
        reference: data that say whether features share a scale, shape (m, ...); by default the
            originals. Images ignore it.

    Returns:
        A figure.

    Raises:
        InputError: the shapes differ or do not fill `event_shape`, values are not finite,
            images are unusable (see `image_grid`), or there are not as many names as features.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from kelbo import plots
        >>> digits = load_digits().data[:20] / 16
        >>> figure = plots.reconstructions(digits, digits * 0.8, event_shape=(8, 8))
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()[:2]]
        ['original', 'reconstruction']
    """
    originals = as_events(originals, event_shape, "originals")
    reconstructed = as_events(reconstructed, event_shape, "reconstructed")
    if originals.shape != reconstructed.shape:
        raise InputError(
            f"reconstructed must have the shape of originals, {originals.shape}; "
            f"got shape {reconstructed.shape}."
        )
    if originals.ndim == 2:
        require_finite(originals, "originals")
        require_finite(reconstructed, "reconstructed")
        if reference is not None:
            reference = as_events(reference, originals.shape[1:], "reference")
            require_finite(reference, "reference")
        return reconstructed_rows(originals, reconstructed, reference, feature_names)
    above = as_images(originals, "originals")
    below = as_images(reconstructed, "reconstructed")
    count = len(above)
    columns = _columns(columns, 10, count)
    pairs = math.ceil(count / columns)
    # The last row is filled with white, so that every pair of rows is complete.
    padded = np.full((2, pairs * columns, *above.shape[1:]), _PAPER, dtype=above.dtype)
    padded[0, :count] = above
    padded[1, :count] = below
    paired = padded.reshape(2, pairs, columns, *above.shape[1:]).swapaxes(0, 1)
    gap = thin_gap(above)
    picture, _, centres = tile(paired.reshape(-1, *above.shape[1:]), columns, gap, pair_gap=3 * gap)
    figure, axes = show(picture, left=0.9)
    axes.set_yticks(centres, ["original", "reconstruction"] * pairs)
    axes.tick_params(length=0)
    return figure


def _full_rows(count: int, columns: float) -> int:
    """The number near `columns` that leaves no row short, or `columns` where there is none."""
    near = range(math.ceil(0.7 * columns), math.floor(1.4 * columns) + 1)
    full = [c for c in near if count % c == 0]
    return min(full, key=lambda c: abs(math.log(c / columns)), default=round(columns))


def _inches_of_label(text: str) -> float:
    """Room for a text at the left of the picture, and before it."""
    size = matplotlib.rcParams["ytick.labelsize"]
    return (TextPath((0, 0), text, size=size).get_extents().width + 1.5 * size) / 72


def _columns_of_rows(columns: int | None, row_names: Sequence[str], count: int) -> int:
    in_a_row, left = divmod(count, len(row_names) or 1)
    if left or not in_a_row or columns not in (None, in_a_row):
        raise InputError(
            f"row_names must name the rows that the images fill; got {len(row_names)} names for "
            f"{count} images" + ("." if columns is None else f" in {columns} columns.")
        )
    return in_a_row


def _columns(given: int | None, otherwise: int, count: int) -> int:
    if given is not None and given < 1:
        raise InputError(f"columns must be at least 1; got {given}.")
    return max(1, min(otherwise if given is None else given, count))
