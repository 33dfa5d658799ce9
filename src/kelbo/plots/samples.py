"""What a model generates, whatever the shape of its data."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from kelbo.errors import InputError
from kelbo.plots.arrays import as_events, require_finite
from kelbo.plots.images import image_grid
from kelbo.plots.rows import generated_rows
from kelbo.plots.style import styled


@styled
def samples(
    values: ArrayLike,
    reference: ArrayLike | None = None,
    event_shape: Sequence[int] | None = None,
    columns: int | None = None,
    title: str | None = None,
    feature_names: Sequence[str] | None = None,
    row_names: Sequence[str] | None = None,
) -> Figure:
    """Shows generated examples, beside data where they are rows of features.

    Images (events of rank 2 or 3) become an `image_grid`; `reference` is not drawn. Scalars
    become histograms, pairs a scatter plot. Longer rows are laid on the bands that hold the middle
    50 % and 90 % of the data feature by feature: as lines over the features or, where up to forty
    features have names, as strokes beside each name. Where features are of very different scales,
    each of the first forty has a strip with an axis of its own, in its own units.

    Args:
        values: generated examples, shape (n, ...).
        reference: data to compare with, shape (m, ...), the same event shape.
        event_shape: shape of one example, where the arrays hold it flattened: (28, 28) for
            (n, 784).
        columns: images in a row.
        title: text above the picture.
        feature_names: the name of every feature, of rows of features.
        row_names: what each row of images is of, see `image_grid`; rows of features ignore it.

    Returns:
        A figure.

    Raises:
        InputError: the arrays do not fill the event shape, hold values that are not finite, or
            are unusable images (see `image_grid`), or there are not as many names as features.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> from kelbo import plots
        >>> wine = load_wine()
        >>> figure = plots.samples(
        ...     wine.data[:30], reference=wine.data, feature_names=wine.feature_names
        ... )
        >>> figure.axes[12].get_title(loc="left")
        'proline'
    """
    values = as_events(values, event_shape, "values")
    if values.ndim > 2:
        return image_grid(values, columns=columns, title=title, row_names=row_names)
    require_finite(values, "values")
    if reference is not None:
        reference = as_events(reference, event_shape, "reference")
        if reference.shape[1:] != values.shape[1:]:
            raise InputError(
                f"reference must have shape (m, {values.shape[1]}) to be compared with values of "
                f"shape {values.shape}; got shape {reference.shape}."
            )
        require_finite(reference, "reference")
    figure = generated_rows(values, reference, feature_names)
    if title:
        figure.axes[0].set_title(title)
    return figure
