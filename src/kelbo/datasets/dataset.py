"""What a loaded data set is, and how a part of it is held out."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kelbo.chunks import row_slices
from kelbo.datasets.context import Context
from kelbo.datasets.layout import Layout, image_layout
from kelbo.errors import InputError


def split_indices(n: int, fraction: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Choose which of `n` examples to hold out: a seeded permutation, cut once.

    The held-out part has `ceil(n * fraction)` examples, as many as Keras' `validation_split` takes,
    but drawn at random instead of from the end. Both parts keep the order of the source.

    Args:
        n: Number of examples.
        fraction: Share to hold out, in (0, 1).
        seed: Seed of the permutation; the same seed gives the same parts.

    Returns:
        `(kept, held_out)`: sorted int arrays that together hold 0 ... n - 1 once.

    Raises:
        InputError: `fraction` is not in (0, 1), or one part would be empty.

    Example:
        >>> kept, held_out = split_indices(1965, 0.1, seed=0)
        >>> len(kept), len(held_out)
        (1768, 197)
    """
    if not 0 < fraction < 1:
        raise InputError(f"split: fraction must lie between 0 and 1, got {fraction:g}")
    count = math.ceil(round(n * fraction, 6))  # 100 * 0.07 is 7.000000000000001
    if not 0 < count < n:
        raise InputError(
            f"split: {fraction:g} of {n} examples is {count}; expected at least 1 example in each "
            "part; use more data or another fraction"
        )
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[count:]), np.sort(order[:count])


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples in memory, with labels, a context and a test part where there are any.

    Attributes:
        name: Name of the data set, or the stem of the file it was read from.
        x_train: float32 array (n, ...): grey images (n, H, W), colour images (n, H, W, C), vectors
            (n, d). Images read from bytes are scaled to [0, 1].
        y_train: int array (n,) of classes, or None.
        x_test: float32 array like `x_train`, or None.
        y_test: int array like `y_train`, or None.
        class_names: `class_names[k]` names class k; None where classes are bare numbers.
        source: Where the data were found: a path, or a word for what is embedded.
        feature_names: `feature_names[i]` names column i of vectors (the header of a table); None
            where columns have no names, and for images.
        remarks: What was understood of the source and what was left out, as lines for a person.
        origin: What was subtracted of each column, float64 of the shape of an example, so that
            float32 keeps its digits; None for nothing.
        context: What the examples are conditioned on, and how it became numbers, or None.
        context_train: float32 array (n, context.width), or None.
        context_test: The same of the test part, or None.

    Raises:
        InputError: The arrays do not fit together.

    Example:
        >>> import numpy as np
        >>> data = Dataset("ramp", np.linspace(0, 1, 6, dtype="float32").reshape(3, 2))
        >>> data.event_shape, data.is_image, data.is_binary, data.range
        ((2,), False, False, (0.0, 1.0))
        >>> data
        Dataset(ramp: 3 train, 0 test, event shape (2,), no classes, from memory)
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray | None = None
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    source: str = "memory"
    feature_names: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    origin: np.ndarray | None = None
    context: Context | None = None
    context_train: np.ndarray | None = None
    context_test: np.ndarray | None = None

    def __post_init__(self) -> None:
        where = self.name if self.source == "memory" else self.source
        for part in ("train", "test"):
            self._check_part(where, part)
        if self.x_test is not None and self.x_test.shape[1:] != self.event_shape:
            raise InputError(
                f"{where}: an example of x_test has shape {self.x_test.shape[1:]}, of x_train "
                f"{self.event_shape}; expected the same"
            )
        if self.feature_names is not None and (len(self.feature_names),) != self.event_shape:
            raise InputError(
                f"{where}: there are {len(self.feature_names)} feature names for examples of shape "
                f"{self.event_shape}; expected one per column of vectors, or None"
            )

    def _check_part(self, where: str, part: str) -> None:
        x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
        if x is None:
            if part == "train" or y is not None:
                raise InputError(f"{where}: there is no x_{part}")
            return
        if x.ndim < 2:
            raise InputError(
                f"{where}: x_{part} has shape {x.shape}; expected (examples, ...) of rank 2 or "
                "more; reshape single numbers to (examples, 1)"
            )
        if x.dtype != np.float32:
            raise InputError(f"{where}: x_{part} has type {x.dtype}; expected float32")
        self._check_context(where, part, len(x))
        if y is None:
            return
        if y.dtype.kind not in "iu" or y.ndim != 1:
            raise InputError(
                f"{where}: y_{part} has type {y.dtype} and shape {y.shape}; expected one whole "
                "number per example"
            )
        if len(y) != len(x):
            raise InputError(
                f"{where}: x_{part} has {len(x)} examples but y_{part} has {len(y)}; expected one "
                "label per example"
            )

    def _check_context(self, where: str, part: str, count: int) -> None:
        given = getattr(self, f"context_{part}")
        found = None if given is None else (given.shape, str(given.dtype))
        expected = None if self.context is None else ((count, self.context.width), "float32")
        if found != expected:
            raise InputError(f"{where}: context_{part} is {found}; expected {expected}")

    def __repr__(self) -> str:
        test = 0 if self.x_test is None else len(self.x_test)
        classes = "no" if self.y_train is None else len(np.unique(self.y_train))
        return (
            f"Dataset({self.name}: {len(self.x_train)} train, {test} test, event shape "
            f"{self.event_shape}, {classes} classes, from {self.source})"
        )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.x_train.shape[1:]

    @property
    def train(self) -> np.ndarray | dict[str, np.ndarray]:
        """What a model is fitted to: x alone, or a dict of its parts "x" and "context"."""
        return _parts_of(self.x_train, self.context_train)

    @property
    def test(self) -> np.ndarray | dict[str, np.ndarray] | None:
        """The same of the test part; None where there is none."""
        return None if self.x_test is None else _parts_of(self.x_test, self.context_test)

    @property
    def is_image(self) -> bool:
        """Whether an example has rows and columns (rank 2 or more)."""
        return len(self.event_shape) >= 2

    @property
    def layout(self) -> Layout | None:
        """Where an image has its channels, see `image_layout`; None where there is no image."""
        return image_layout(self.event_shape)

    @cached_property
    def is_binary(self) -> bool:
        """Whether every value, of train and test, is 0 or 1."""
        return self.origin is None and all(
            bool(((x[rows] == 0) | (x[rows] == 1)).all())
            for x in self._parts()
            for rows in row_slices(x)
        )

    @cached_property
    def range(self) -> tuple[float, float]:
        """Least and greatest value of train and test, in the units of the source."""
        return (
            min(float(self.in_units(x.min(axis=0)).min()) for x in self._parts()),
            max(float(self.in_units(x.max(axis=0)).max()) for x in self._parts()),
        )

    def in_units(self, values: np.ndarray) -> np.ndarray:
        """Examples, or what a model makes of them, as they stand in the source: with the origin.

        Args:
            values: Shape (..., *event shape).

        Returns:
            The values, in float64 where something was subtracted.
        """
        return values if self.origin is None else self.origin + values

    def _parts(self) -> list[np.ndarray]:
        return [x for x in (self.x_train, self.x_test) if x is not None]

    def conditioned(self, context: Context, vector: np.ndarray) -> "Dataset":
        """The same examples, all of them under one context, in place of their own.

        Args:
            context: What it is.
            vector: Shape (1, context.width).

        Returns:
            A new Dataset.
        """
        train, test = (
            None if x is None else np.repeat(vector, len(x), axis=0)
            for x in (self.x_train, self.x_test)
        )
        return replace(self, context=context, context_train=train, context_test=test)

    def split(self, fraction: float, seed: int = 0) -> "Dataset":
        """Hold out a part of the training examples as the test part.

        For data without a test part; see `split_indices` for how examples are chosen, and use it
        directly to cut a validation part off arrays.

        Args:
            fraction: Share to hold out, in (0, 1).
            seed: Seed of the permutation.

        Returns:
            A new Dataset with `x_test` (and `y_test`, where there are labels).

        Raises:
            InputError: There is a test part already, or `fraction` cannot be met.

        Example:
            >>> import numpy as np
            >>> data = Dataset("zeros", np.zeros((10, 2), "float32")).split(0.2)
            >>> len(data.x_train), len(data.x_test)
            (8, 2)
        """
        if self.x_test is not None:
            raise InputError(
                f"{self.name}: there is a test part of {len(self.x_test)} examples already; use "
                "split_indices to hold out a validation part of x_train"
            )
        kept, held_out = split_indices(len(self.x_train), fraction, seed)
        names = ("x", "y", "context")
        whole = {name: getattr(self, f"{name}_train") for name in names}
        given = {name: values for name, values in whole.items() if values is not None}
        return replace(
            self,
            **{f"{name}_train": values[kept] for name, values in given.items()},
            **{f"{name}_test": values[held_out] for name, values in given.items()},
        )


def _parts_of(x, context):
    return x if context is None else {"x": x, "context": context}
