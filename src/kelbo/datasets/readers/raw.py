"""Arrays as they stand in a file, before scaling and checking."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class RawArrays:
    """What a reader returns: arrays with the dtype of the file.

    Attributes:
        x_train: Examples along the first axis.
        y_train: Labels as they stand in the file (whole numbers or names), or None.
        x_test: Examples of the test part, or None.
        y_test: Labels of the test part, or None.
        feature_names: Names of the columns of examples that are rows of a table, or None.
        remarks: What was understood of the file, and what was left out, as lines for a person.
        context_train: What examples are conditioned on beside their labels, numbers or text of
            shape (n,) by name.
        context_test: The same of the test part.

    Example:
        >>> import numpy as np
        >>> RawArrays(np.zeros((2, 3), "uint8")).x_train.dtype
        dtype('uint8')
    """

    x_train: np.ndarray
    y_train: np.ndarray | None = None
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    feature_names: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    context_train: Mapping[str, np.ndarray] = field(default_factory=dict)
    context_test: Mapping[str, np.ndarray] = field(default_factory=dict)
