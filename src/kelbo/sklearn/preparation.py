"""What the estimators do before there is a model: kernels by name, units, inducing points."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from kelbo.gp import kernels
from kelbo.gp.kernels import Kernel

# One length scale for each column.
KERNELS: dict[str, Callable[[np.ndarray], Kernel]] = {
    "rbf": kernels.RBF,
    "matern12": kernels.Matern12,
    "matern32": kernels.Matern32,
    "matern52": kernels.Matern52,
    "rational_quadratic": kernels.RationalQuadratic,
}


def kernel_of(owner: str, kernel: Any, columns: int) -> Kernel:
    """A kernel that nobody else trains.

    Args:
        owner: Name of the estimator, for the error.
        kernel: A name, or a kernel, of which a copy is made.
        columns: Number of columns of the inputs.

    Returns:
        The kernel.

    Raises:
        ValueError: There is none of this name.
    """
    if isinstance(kernel, Kernel):
        serialized = keras.saving.serialize_keras_object(kernel)
        copy = keras.saving.deserialize_keras_object(serialized)
        copy.build()
        for own, given in zip(copy.weights, kernel.weights, strict=True):
            own.assign(given)
        return copy
    if not isinstance(kernel, str) or kernel not in KERNELS:
        raise ValueError(
            f"{owner}: kernel must be one of {', '.join(map(repr, KERNELS))}, or a kernel of "
            f"kelbo.gp.kernels, got {kernel!r}."
        )
    return KERNELS[kernel](np.full(columns, max(1.0, columns**0.5)))


class Standardised:
    """Columns with the mean taken off, in units of their standard deviation.

    Args:
        values: An array of shape (n, d), or (n,).
    """

    def __init__(self, values: np.ndarray):
        self.mean = values.mean(axis=0)
        spread = values.std(axis=0)
        # Rounding of equal numbers is no spread.
        constant = spread <= 1e-12 * np.maximum(1.0, np.abs(self.mean))
        self.scale = np.where(constant, 1.0, spread)

    def into(self, values: np.ndarray) -> np.ndarray:
        """The values in these units."""
        return (values - self.mean) / self.scale

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values in these units, in their own."""
        return values * self.scale + self.mean


def inducing_points(x: np.ndarray, count: int, random_state: Any) -> np.ndarray:
    """Where inducing points start: the centres of clusters of the inputs.

    Args:
        x: Inputs, of shape (n, d).
        count: How many, at the most.
        random_state: As in scikit-learn.

    Returns:
        An array of shape (m, d), m at most `count`: all different inputs where there are no more.
    """
    different = np.unique(x, axis=0)
    if len(different) <= count:
        return different
    rng = check_random_state(random_state)
    # So many more tell nothing of where clusters are.
    some = different[rng.permutation(len(different))[: 50 * count]]
    found = KMeans(count, n_init=1, max_iter=20, random_state=rng).fit(some)
    return found.cluster_centers_


def seed_of(random_state: Any) -> int:
    """A whole number for a model, drawn from what scikit-learn calls a random state."""
    return int(check_random_state(random_state).randint(2**31 - 1))
