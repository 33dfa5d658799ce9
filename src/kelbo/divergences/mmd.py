"""Maximum mean discrepancy: how far two samples are apart, by a kernel."""

import abc
from typing import Any

import keras

from kelbo import ops
from kelbo.parameters import PACKAGE


class Kernel(abc.ABC):
    """A positive definite function of two vectors, as a function of their squared distance.

    Args:
        scale: Length scale; None takes one that suits standard normal vectors of the dimension.

    Raises:
        ValueError: The scale is not positive.
    """

    def __init__(self, scale: float | None = None):
        if scale is not None and not scale > 0:
            raise ValueError(f"{type(self).__name__}: scale must be positive, got {scale!r}.")
        self.scale = scale

    @abc.abstractmethod
    def of_square_distance(self, square: Any, dimension: int) -> Any:
        """The kernel at squared distances of vectors of a dimension."""

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {"scale": self.scale}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Kernel":
        """The kernel that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(scale={self.scale!r})"


@keras.saving.register_keras_serializable(package=PACKAGE)
class RBF(Kernel):
    r"""The Gaussian kernel $k(x, y) = \exp(-\lVert x - y \rVert^2 / (2 s^2))$.

    Args:
        scale: $s$; None for the square root of the dimension.

    Raises:
        ValueError: The scale is not positive.

    Example:
        >>> from kelbo.divergences import RBF
        >>> float(RBF(scale=1.0).of_square_distance(0.0, 2))
        1.0
    """

    def of_square_distance(self, square: Any, dimension: int) -> Any:
        scale_square = float(dimension) if self.scale is None else self.scale**2
        return ops.exp(ops.multiply(square, -0.5 / scale_square))


@keras.saving.register_keras_serializable(package=PACKAGE)
class InverseMultiquadric(Kernel):
    r"""The kernel $k(x, y) = C / (C + \lVert x - y \rVert^2)$ with $C = 2 d s^2$.

    Its tails are heavy, so that far outliers are still pulled in (Tolstikhin, Bousquet, Gelly and
    Schölkopf, 2018, "Wasserstein auto-encoders", section 4).

    Args:
        scale: $s$; None for 1.

    Raises:
        ValueError: The scale is not positive.

    Example:
        >>> from kelbo.divergences import InverseMultiquadric
        >>> float(InverseMultiquadric(scale=1.0).of_square_distance(4.0, 2))
        0.5
    """

    def of_square_distance(self, square: Any, dimension: int) -> Any:
        c = 2.0 * dimension * (1.0 if self.scale is None else self.scale**2)
        return c / (c + square)


def maximum_mean_discrepancy(x: Any, y: Any, kernel: Kernel) -> Any:
    r"""Unbiased estimate of the squared maximum mean discrepancy of two samples.

    $$\frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{n(n-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{n^2} \sum_{i, j} k(x_i, y_j)$$

    (Gretton et al., 2012, "A kernel two-sample test", eq. 3.) 0 in expectation where both come from
    one distribution; it can be negative.

    Args:
        x: Of shape (n, d), n at least 2.
        y: Of shape (n, d).
        kernel: How alike two vectors are.

    Returns:
        A number.

    Example:
        >>> import numpy as np
        >>> from kelbo.divergences import RBF, maximum_mean_discrepancy
        >>> x = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
        >>> abs(float(maximum_mean_discrepancy(x[:250], x[250:], RBF()))) < 0.02
        True
    """
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    dimension = x.shape[1]

    def between(a, b):
        squares = ops.sum(ops.square(a), 1)[:, None] + ops.sum(ops.square(b), 1)[None]
        square = ops.maximum(squares - 2.0 * ops.matmul(a, ops.transpose(b)), 0.0)
        return kernel.of_square_distance(square, dimension)

    n = ops.cast(ops.shape(x)[0], x.dtype)
    own = kernel.of_square_distance(ops.zeros((), x.dtype), dimension)
    pairs = ops.maximum(n * (n - 1.0), 1.0)
    within = ops.sum(between(x, x)) + ops.sum(between(y, y)) - 2.0 * n * own
    return within / pairs - 2.0 * ops.mean(between(x, y))
