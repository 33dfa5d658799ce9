"""Kernels that do not depend on distances: a constant, and noise."""

from typing import Any

from kelbo import ops
from kelbo.gp.kernels.kernel import Kernel
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Constant(Kernel):
    r"""A constant covariance, $k(x, x') = \sigma^2$: an unknown level, or the factor of a product.

    Args:
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Example:
        >>> from kelbo import gp
        >>> gp.kernels.Constant(2.0)([[0.0], [1.0]])
        [[2., 2.], [2., 2.]]
    """

    def __init__(self, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.variance = self.parameter("variance", variance)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        y = x if y is None else y
        return variance_like(self, ops.zeros_like(x[..., :1] + ops.swapaxes(y[..., :1], -1, -2)))

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


@registered
class White(Kernel):
    r"""Noise that is independent at each input, $k(x, x') = \sigma^2$ where x is x', else 0.

    Two inputs are the same if they are the same row of one set: `kernel(x)` has it on the
    diagonal, `kernel(x, y)` nowhere, also where rows are equal.

    Args:
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Example:
        >>> from kelbo import gp
        >>> gp.kernels.White(2.0)([[0.0], [0.0]])
        [[2., 0.], [0., 2.]]
    """

    def __init__(self, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.variance = self.parameter("variance", variance)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        if y is not None:
            return ops.zeros_like(x[..., :1] + ops.swapaxes(y[..., :1], -1, -2))
        zeros = ops.zeros_like(x[..., :1] + ops.swapaxes(x[..., :1], -1, -2))
        return ops.add_to_diagonal(zeros, ops.cast(self.variance(), x.dtype))

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


def variance_like(kernel: Any, zeros: Tensor) -> Tensor:
    """The variance of a kernel, in the shape and dtype of these zeros."""
    return zeros + ops.cast(kernel.variance(), zeros.dtype)
