"""Weights of examples: one number for each, or one for each class."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.intake import as_array


def as_weights(sample_weight: Any) -> Any:
    """One weight per example, of shape (n,).

    Args:
        sample_weight: What was given: of shape (n,), or one column of it.

    Raises:
        ValueError: The shape is another one.
    """
    weights = as_array(sample_weight, "sample_weight")
    if len(weights.shape) == 2 and weights.shape[1] == 1:
        return weights[:, 0]
    if len(weights.shape) != 1:
        raise ValueError(
            f"sample_weight has the shape {tuple(weights.shape)}; expected (n,): one weight per "
            "example."
        )
    return weights


def weights_of_classes(y: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """The weight of each example's class; 1 for classes that are not named.

    Args:
        y: Classes, as whole numbers of shape (n,) or (n, 1) or as indicators of shape (n, classes).
        class_weight: Weight by class.

    Returns:
        Weights of shape (n,).

    Raises:
        ValueError: There is no y, or it holds no classes.

    Example:
        >>> from kelbo.training.weights import weights_of_classes
        >>> weights_of_classes([0, 2, 1], {0: 0.5, 1: 3.0}).tolist()
        [0.5, 1.0, 3.0]
    """
    if y is None:
        raise ValueError(
            "class_weight weighs examples by their y, and there is none: give sample_weight, a "
            "weight per example."
        )
    classes = keras.ops.convert_to_numpy(as_array(y, "y"))
    if classes.ndim == 2:
        classes = classes[:, 0] if classes.shape[1] == 1 else classes.argmax(axis=1)
    if classes.ndim != 1 or np.any(classes != np.round(classes)):
        raise ValueError(
            "class_weight needs classes in y, as whole numbers or indicators; give sample_weight, "
            "a weight per example."
        )
    return np.array([class_weight.get(int(c), 1.0) for c in classes], keras.config.floatx())


def weighted(values: Any, weights: Any) -> Any:
    """Values per example, times the weights of the examples where there are any.

    Args:
        values: Of shape (batch,).
        weights: Of shape (batch,) or (batch, 1), or None.

    Returns:
        A tensor of shape (batch,).
    """
    if weights is None:
        return values
    return values * ops.cast(ops.reshape(weights, ops.shape(values)), values.dtype)
