"""How a model scales its data: a map from scaled values to those of the data."""

import math

import numpy as np

from kelbo.bijectors import Affine
from kelbo.chunks import row_slices
from kelbo.datasets import Dataset

_SHOWN = 8
_FAR = 20.0  # standard deviations
_FAR_BY_QUARTILES = 100.0  # distances between the quartiles, from the median
_ROWS = 50_000  # tell the quartiles of larger data
_LARGE = 20.0  # what a network and a scale that begin near 1 can hardly reach

SAID = {
    "standard": "mean 0 and standard deviation 1",
    "minmax": "the interval from 0 to 1",
}
"""What the training examples are scaled to, in words."""


def scaling(scale: str, data: Dataset) -> Affine | None:
    """The map from the values that the networks work with to the values of the data.

    Rows of a table are scaled column by column, all entries of other examples alike. A column that
    is constant is moved, not scaled.

    Args:
        scale: "standard", "minmax" or "none".
        data: The data; their training examples decide.

    Returns:
        The map, or None where values are left as they are.

    Example:
        >>> import numpy as np
        >>> data = Dataset("ages", np.array([[20.0], [40.0]], "float32"))
        >>> map = scaling("standard", data)
        >>> float(map.shift[0]), float(map.scale[0])
        (30.0, 10.0)
    """
    if scale == "none":
        return None
    shift, size = _shift_and_scale(scale, data)
    if data.is_image:
        shift, size = shift[0], size[0]
    return Affine(shift=shift.astype("float32"), scale=size.astype("float32"))


def scaling_remarks(scale: str, data: Dataset) -> list[str]:
    """What a person should know of the values, seen on the scale of the model.

    Args:
        scale: "standard", "minmax" or "none".
        data: The data.

    Returns:
        Sentences; none where all is well.
    """
    if scale == "none":
        largest = max(map(abs, data.range))
        if largest > _LARGE:
            return [
                f"Values reach {largest:g} and are not scaled: --scale standard makes for a quick "
                "and stable fit."
            ]
        return []
    if data.is_image:
        return []
    x = data.x_train
    low, high = x.min(axis=0), x.max(axis=0)
    remarks = _of_columns(
        data, low == high, "the same value in all rows, which tell nothing: --drop leaves them out"
    )
    two = np.array([_has_two_values(x[:, i], low[i], high[i]) for i in range(x.shape[1])])
    remarks += _of_columns(
        data,
        two,
        "two different values, for which a normal density has no bound: the log-likelihood says "
        "little of them",
    )
    return remarks + _of_columns(
        data,
        _have_far_values(data, low, high),
        "values very far from all others: look whether they are measurements, or take logarithms",
    )


def _have_far_values(data, low, high):
    """Whether a column has values far out: by its deviation, or, of few rows, by its quartiles.

    One value alone of n is never further than the root of n deviations from the mean.
    """
    shift, size = _shift_and_scale("standard", data)
    far = np.maximum(np.abs(low - shift), np.abs(high - shift)) / size > _FAR
    thin = data.x_train[:: math.ceil(len(data.x_train) / _ROWS)]
    first, middle, third = np.quantile(thin, [0.25, 0.5, 0.75], axis=0)
    reach = _FAR_BY_QUARTILES * (third - first)
    return far | ((np.maximum(high - middle, middle - low) > reach) & (reach > 0))


def _shift_and_scale(scale: str, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    x = data.x_train
    for rows in row_slices(x):
        scaler.partial_fit(x[rows].reshape(-1, 1) if data.is_image else x[rows])
    if scale == "standard":
        return scaler.mean_, scaler.scale_
    size = scaler.data_range_
    return scaler.data_min_, np.where(size == 0, 1.0, size)


def _has_two_values(values, low, high):
    return low < high and bool(((values == low) | (values == high)).all())


def _of_columns(data: Dataset, chosen: np.ndarray, what: str) -> list[str]:
    found = np.flatnonzero(chosen)
    if not len(found):
        return []
    names = data.feature_names or [str(i + 1) for i in range(len(chosen))]
    shown = ", ".join(names[i] for i in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    columns = "Column" if len(found) == 1 else "Columns"
    verb = "has" if len(found) == 1 else "have"
    return [f"{columns} {shown}{more} {verb} {what}."]
