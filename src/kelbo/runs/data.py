"""The data of a run: loaded, split and binarised as its settings say, and checked."""

import dataclasses
import math

import numpy as np

from kelbo import datasets
from kelbo.datasets import Context, Dataset, Reading
from kelbo.datasets.loading import is_looked_up
from kelbo.errors import InputError
from kelbo.parts import has_parts, map_parts
from kelbo.runs.config import FitConfig

_LEAST_EPOCHS, _LEAST_STEPS = 50, 5000

PARTS = ("train", "validation", "all")

Examples = np.ndarray | dict[str, np.ndarray]
"""What a model takes: x of shape (n, *event shape), or a dict of it and its context."""


def load_data(config: FitConfig) -> Dataset:
    """The data that a run is fitted to; the test part is its validation data.

    Args:
        config: Says which data, what share of data without a test part is held out (by its
            seed), and how they are binarised.

    Returns:
        The data; without a test part only where the source has none and none is held out.

    Raises:
        InputError: The data cannot be loaded, split or binarised.
    """
    if config.data is None:
        raise InputError(
            "data: nothing to fit to; name a data set (kelbo datasets lists them) or a path"
        )
    data = datasets.load(config.data, config.data_dir, _reading(config))
    if data.x_test is None and config.validation_split > 0:
        data = data.split(config.validation_split, config.seed)
    return _binarized(data, config)


def load_other(
    data: str,
    config: FitConfig,
    data_dir: str | None = None,
    features: tuple[str, ...] | None = None,
    conditions: Context | None = None,
) -> Dataset:
    """Data for a model that is fitted already, read and binarised as its own were, not split.

    Args:
        data: Name or path.
        config: The settings of the run.
        data_dir: A folder that holds files of known data sets.
        features: The columns that the model takes, in order, where they have names: those of a
            table with names are found by them.
        conditions: What the model is conditioned on, which the data must have then; None for data
            that need no context.

    Returns:
        The data.

    Raises:
        InputError: The data cannot be loaded or binarised.
    """
    if data_dir is None and is_looked_up(data):
        data_dir = config.data_dir
    reading = _reading(config).for_other_data(features, conditions)
    return _binarized(datasets.load(data, data_dir, reading), config)


def examples(data: Dataset, part: str) -> tuple[Examples, np.ndarray | None]:
    """One part of the data: examples, and their labels where there are any.

    Args:
        data: The data.
        part: "train"; "validation", which is all of data that have no such part; or "all".

    Returns:
        The examples as a model takes them, with their context where there is one; and labels or
        None.

    Raises:
        InputError: An unknown part.
    """
    if part not in PARTS:
        raise InputError(f"part: expected one of {', '.join(PARTS)}, got {part!r}")
    if part == "train" or data.x_test is None:
        return data.train, data.y_train
    if part == "validation":
        return data.test, data.y_test
    labels = None
    if data.y_train is not None and data.y_test is not None:
        labels = np.concatenate([data.y_train, data.y_test])
    return map_parts(lambda *both: np.concatenate(both), data.train, data.test), labels


def without_context(x: Examples) -> np.ndarray:
    """The examples themselves, of shape (n, *event shape)."""
    return x["x"] if has_parts(x) else x


def settled_epochs(config: FitConfig, data: Dataset) -> int:
    """The number of epochs; where none is given, 50, or more for small data.

    Few examples make few steps: 50 epochs of 1,438 digits are 750 steps, which is far too few. 5000
    steps are a start, not convergence: the loss may be falling still; give `epochs` for more.

    Args:
        config: The settings.
        data: The data.

    Returns:
        `config.epochs`, or the least number from 50 on that makes 5000 steps.
    """
    if config.epochs is not None:
        return config.epochs
    steps = math.ceil(len(data.x_train) / settled_batch_size(config, data))
    return max(_LEAST_EPOCHS, math.ceil(_LEAST_STEPS / steps))


def settled_origin(config: FitConfig, data: Dataset) -> tuple[float, ...] | None:
    """Where the columns are measured from; where it is not given, what the data ask for.

    Args:
        config: The settings.
        data: The data.

    Returns:
        A number per column, for all data that the model is given later; None or none for nothing.
    """
    return config.origin if data.origin is None else tuple(data.origin.tolist())


def settled_batch_size(config: FitConfig, data: Dataset) -> int:
    """The number of examples per step: all of them where there are fewer than are asked for."""
    return min(config.batch_size, len(data.x_train))


def require_trainable(data: Dataset, config: FitConfig) -> None:
    """Checks that a fit can run on the data.

    Raises:
        InputError: Early stopping has nothing to watch.
    """
    if config.patience is not None and data.x_test is None:
        raise InputError(
            f"patience: early stopping needs validation data and {data.name} has none; give a "
            "validation_split above 0"
        )


def _reading(config: FitConfig) -> Reading:
    return Reading(
        header=config.header,
        label_column=config.label_column,
        drop=config.drop,
        missing=config.missing,
        size=config.size,
        origin=config.origin,
        context=config.context,
    )


def _binarized(data: Dataset, config: FitConfig) -> Dataset:
    mode = config.binarize
    if mode == "none":
        return data
    low, high = data.range
    if low < 0 or high > 1:
        raise InputError(
            f"binarize: {mode!r} needs values in [0, 1], but those of {data.name} lie in "
            f"[{low:g}, {high:g}]; rescale them, or use binarize none"
        )
    if mode == "dynamic":  # drawn inside the compiled step, by a layer of the model
        return data
    x_test = data.x_test
    return dataclasses.replace(
        data,
        x_train=datasets.binarize(data.x_train, mode, config.seed),
        x_test=None if x_test is None else datasets.binarize(x_test, mode, config.seed + 1),
    )
