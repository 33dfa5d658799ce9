"""What the colour of a point stands for: a class, or a quantity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kelbo.errors import InputError
from kelbo.plots.style import literal

_MOST_CLASSES = 20  # numbers with more distinct values than this are a quantity


@dataclass(frozen=True)
class Classes:
    """A class per point.

    Attributes:
        names: the name of every class, as matplotlib is to be given it.
        codes: shape (n,), the index of each point's class in `names`.
    """

    names: tuple[str, ...]
    codes: np.ndarray

    def select(self, kept: np.ndarray) -> "Classes":
        """The classes of the points that a boolean mask keeps."""
        return Classes(self.names, self.codes[kept])

    def present(self) -> np.ndarray:
        """The indices of the classes that have a point, in order."""
        return np.unique(self.codes)


@dataclass(frozen=True)
class Quantity:
    """A number per point.

    Attributes:
        values: shape (n,).
    """

    values: np.ndarray

    def select(self, kept: np.ndarray) -> "Quantity":
        """The numbers of the points that a boolean mask keeps."""
        return Quantity(self.values[kept])


def as_labels(
    labels: ArrayLike, class_names: Sequence[str] | None, count: int
) -> Classes | Quantity:
    """Reads labels as classes, or as a quantity if they are numbers of many values.

    Args:
        labels: shape (count,), integers, strings or floats.
        class_names: the k-th for the integer label k, or one for each distinct label in sorted
            order.
        count: the number of points.

    Returns:
        Classes where names are given or there are at most twenty distinct labels or labels are no
        numbers; else a quantity.

    Raises:
        InputError: another shape, or names that do not match the labels.
    """
    array = np.asarray(labels)
    if array.shape != (count,):
        raise InputError(
            f"labels must have shape ({count},), one per point; got shape {array.shape}."
        )
    if array.dtype.kind == "O":
        array = array.astype(str)
    if array.dtype.kind == "f" and np.array_equal(array, np.trunc(array)):
        array = array.astype(np.int64)
    distinct, codes = np.unique(array, return_inverse=True)
    if class_names is None:
        if array.dtype.kind in "iuf" and len(distinct) > _MOST_CLASSES:
            return Quantity(array)
        return Classes(tuple(literal(str(name)) for name in distinct), codes)
    names = tuple(literal(str(name)) for name in class_names)
    if array.dtype.kind in "iu" and distinct[0] >= 0 and distinct[-1] < len(names):
        return Classes(names, array.astype(np.intp))
    if len(names) == len(distinct):
        return Classes(names, codes)
    raise InputError(
        f"class_names must name every class; got {len(names)} names for {len(distinct)} distinct "
        f"labels from {distinct[0]} to {distinct[-1]}."
    )
