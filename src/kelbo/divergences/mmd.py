"""Maximum mean discrepancy: how far two samples are apart, by a kernel."""

import abc
from typing import Any

import keras

from kelbo import ops
from kelbo.intake import as_array
from kelbo.parameters import real_number
from kelbo.registration import registered
from kelbo.typing import Tensor


class Kernel(abc.ABC):
    """A positive definite function of two vectors, as a function of their squared distance.

    Args:
        scale: Length scale; None takes one that suits standard normal vectors of the dimension.

    Raises:
        ValueError: The scale is not a positive number.
    """

    def __init__(self, scale: float | None = None):
        if scale is not None:
            scale = real_number(type(self).__name__, "scale", scale, above=0)
        self.scale = scale

    @abc.abstractmethod
    def of_square_distance(self, square: Tensor, dimension: int) -> Tensor:
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


@registered
class RBF(Kernel):
    r"""The Gaussian kernel $k(x, y) = \exp(-\lVert x - y \rVert^2 / (2 s^2))$.

    Args:
        scale: $s$; None for the square root of the dimension.

    Raises:
        ValueError: The scale is not a positive number.

    Example:
        >>> from kelbo.divergences import RBF
        >>> float(RBF(scale=1.0).of_square_distance(0.0, 2))
        1.0
    """

    def of_square_distance(self, square: Tensor, dimension: int) -> Tensor:
        scale_square = float(dimension) if self.scale is None else self.scale**2
        return ops.exp(ops.multiply(square, -0.5 / scale_square))


@registered
class InverseMultiquadric(Kernel):
    r"""The kernel $k(x, y) = C / (C + \lVert x - y \rVert^2)$ with $C = 2 d s^2$.

    Its tails are heavy, so that far outliers are still pulled in (Tolstikhin, Bousquet, Gelly and
    Schölkopf, 2018, "Wasserstein auto-encoders", section 4).

    Args:
        scale: $s$; None for 1.

    Raises:
        ValueError: The scale is not a positive number.

    Example:
        >>> from kelbo.divergences import InverseMultiquadric
        >>> float(InverseMultiquadric(scale=1.0).of_square_distance(4.0, 2))
        0.5
    """

    def of_square_distance(self, square: Tensor, dimension: int) -> Tensor:
        c = 2.0 * dimension * (1.0 if self.scale is None else self.scale**2)
        return c / (c + square)


def as_kernel(owner: str, kernel: Kernel) -> Kernel:
    """Checks an argument that must be a kernel.

    Args:
        owner: Name of the class or function, for the error.
        kernel: What was given.

    Returns:
        The kernel.

    Raises:
        ValueError: It is something else.

    Example:
        >>> from kelbo.divergences import RBF
        >>> from kelbo.divergences.mmd import as_kernel
        >>> as_kernel("InfoELBO", RBF(1.0))
        RBF(scale=1.0)
    """
    if not isinstance(kernel, Kernel):
        raise ValueError(
            f"{owner}: kernel must be an object of a kernel class, such as RBF() or "
            f"InverseMultiquadric(), got {kernel!r}."
        )
    return kernel


def maximum_mean_discrepancy(x: Tensor, y: Tensor, kernel: Kernel) -> Tensor:
    r"""Unbiased estimate of the squared maximum mean discrepancy of two samples.

    $$\frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{n m} \sum_{i, j} k(x_i, y_j)$$

    (Gretton et al., 2012, "A kernel two-sample test", eq. 3.) 0 in expectation where both come from
    one distribution; it can be negative.

    Args:
        x: Of shape (n, d), n at least 2.
        y: Of shape (m, d), m at least 2.
        kernel: How alike two vectors are.

    Returns:
        A number.

    Raises:
        ValueError: A sample is no matrix, has fewer than 2 rows or another width than the other; or
            `kernel` is no kernel.

    Example:
        >>> import numpy as np
        >>> from kelbo.divergences import RBF, maximum_mean_discrepancy
        >>> x = np.random.default_rng(0).normal(size=(600, 2)).astype("float32")
        >>> abs(float(maximum_mean_discrepancy(x[:250], x[250:], RBF()))) < 0.02
        True
    """
    owner = "maximum_mean_discrepancy"
    as_kernel(owner, kernel)
    x, y = (ops.convert_to_tensor(as_array(*each)) for each in ((x, "x"), (y, "y")))
    _check_samples(owner, x, y)
    return discrepancy_of_draws(x, y, kernel)


def discrepancy_of_draws(x: Tensor, y: Tensor, kernel: Kernel) -> Tensor:
    """`maximum_mean_discrepancy`, unchecked, and defined for samples of one row too.

    The last batch of an epoch may be a single example. It has no pairs, whose mean is 0 then.

    Args:
        x: Tensor of shape (n, d).
        y: Tensor of shape (m, d).
        kernel: How alike two vectors are.

    Returns:
        A number.
    """
    dtype = keras.backend.result_type(x.dtype, y.dtype, "float32")
    x, y = ops.cast(x, dtype), ops.cast(y, dtype)
    dimension = x.shape[1]
    between_samples = ops.mean(_pairs(x, y, kernel, dimension))
    within = _mean_of_pairs(x, kernel, dimension) + _mean_of_pairs(y, kernel, dimension)
    return within - 2.0 * between_samples


def _mean_of_pairs(x, kernel, dimension):
    """The mean of the kernel over pairs of different rows."""
    count = ops.cast(ops.shape(x)[0], x.dtype)
    with_itself = kernel.of_square_distance(ops.zeros((), x.dtype), dimension)
    total = ops.sum(_pairs(x, x, kernel, dimension)) - count * with_itself
    return total / ops.maximum(count * (count - 1.0), 1.0)


def _pairs(a, b, kernel, dimension):
    """The kernel of each row of one with each of the other."""
    squares = ops.sum(ops.square(a), 1)[:, None] + ops.sum(ops.square(b), 1)[None]
    square = ops.maximum(squares - 2.0 * ops.matmul(a, ops.transpose(b)), 0.0)
    return kernel.of_square_distance(square, dimension)


def _check_samples(owner, x, y):
    for name, sample in (("x", x), ("y", y)):
        shape = tuple(sample.shape)
        # Inside a compiled function the number of rows may not be known.
        if len(shape) != 2 or (shape[0] is not None and shape[0] < 2):
            raise ValueError(
                f"{owner}: {name} must be of shape (rows, dimension) with at least 2 rows, got the "
                f"shape {shape}."
            )
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{owner}: rows of x have {x.shape[1]} entries and rows of y have {y.shape[1]}; give "
            "samples of one width."
        )
