"""Kernels of the distance between inputs, each column in units of its length scale."""

import abc
from typing import Any

from kelbo import ops
from kelbo.gp.kernels.columns import for_columns
from kelbo.gp.kernels.constant import variance_like
from kelbo.gp.kernels.distances import root, squared_distances
from kelbo.gp.kernels.kernel import Kernel
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


class Stationary(Kernel):
    r"""A kernel $k(x, x') = \sigma^2 \rho(r^2)$ of $r^2 = \sum_i (x_i - x'_i)^2 / \ell_i^2$.

    A subclass writes `correlation`, $\rho$.

    Args:
        length_scale: $\ell$, where it starts: one number for all columns, or one for each
            (automatic relevance determination).
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: A parameter is not positive, or there are not as many length scales as columns
            (when called).
    """

    def __init__(self, length_scale: ArrayLike = 1.0, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.length_scale = self.parameter("length_scale", length_scale)
        self.variance = self.parameter("variance", variance)

    @abc.abstractmethod
    def correlation(self, squared: Tensor) -> Tensor:
        r"""$\rho(r^2)$, which is 1 at 0.

        Args:
            squared: $r^2$, of any shape.

        Returns:
            A tensor of the same shape.
        """

    def scaled(self, x: Tensor) -> Tensor:
        """Inputs in units of the length scales.

        Args:
            x: Tensor of shape (..., n, d).

        Returns:
            A tensor of the same shape.

        Raises:
            ValueError: There are not as many length scales as columns.
        """
        return x / for_columns(self, self.length_scale, x)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        scaled = None if y is None else self.scaled(y)
        correlation = self.correlation(squared_distances(self.scaled(x), scaled))
        return ops.cast(self.variance(), x.dtype) * correlation

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


@registered
class RBF(Stationary):
    r"""The squared exponential, $k = \sigma^2 \exp(-r^2 / 2)$: functions that are smooth.

    (Rasmussen and Williams, 2006, "Gaussian processes for machine learning", eq. 4.9.)

    Takes the arguments of `Stationary`.

    Example:
        >>> from kelbo import gp
        >>> float(gp.kernels.RBF(length_scale=2.0)([[0.0]], [[2.0]])[0, 0])  # exp(-1/2)
        0.606...
    """

    def correlation(self, squared: Tensor) -> Tensor:
        return ops.exp(-0.5 * squared)


@registered
class Matern12(Stationary):
    r"""The exponential, $k = \sigma^2 e^{-r}$: functions that are continuous and nowhere smooth.

    (Rasmussen and Williams, 2006, eq. 4.14 with $\nu = 1/2$.)

    Takes the arguments of `Stationary`.

    Example:
        >>> from kelbo import gp
        >>> float(gp.kernels.Matern12()([[0.0]], [[1.0]])[0, 0])  # exp(-1)
        0.367...
    """

    def correlation(self, squared: Tensor) -> Tensor:
        return ops.exp(-root(squared))


@registered
class Matern32(Stationary):
    r"""$k = \sigma^2 (1 + \sqrt 3 r) e^{-\sqrt 3 r}$: functions that are once differentiable.

    (Rasmussen and Williams, 2006, eq. 4.17.)

    Takes the arguments of `Stationary`.

    Example:
        >>> from kelbo import gp
        >>> float(gp.kernels.Matern32()([[0.0]], [[1.0]])[0, 0])
        0.483...
    """

    def correlation(self, squared: Tensor) -> Tensor:
        r = root(3.0 * squared)
        return (1.0 + r) * ops.exp(-r)


@registered
class Matern52(Stationary):
    r"""$k = \sigma^2 (1 + \sqrt 5 r + 5 r^2 / 3) e^{-\sqrt 5 r}$: twice differentiable functions.

    (Rasmussen and Williams, 2006, eq. 4.17.)

    Takes the arguments of `Stationary`.

    Example:
        >>> from kelbo import gp
        >>> float(gp.kernels.Matern52()([[0.0]], [[1.0]])[0, 0])
        0.523...
    """

    def correlation(self, squared: Tensor) -> Tensor:
        squared = 5.0 * squared
        r = root(squared)
        return (1.0 + r + squared / 3.0) * ops.exp(-r)


@registered
class RationalQuadratic(Stationary):
    r"""$k = \sigma^2 (1 + r^2 / (2 \alpha))^{-\alpha}$: a mixture of `RBF` of all length scales.

    (Rasmussen and Williams, 2006, eq. 4.19.)

    Args:
        length_scale: As in `Stationary`.
        variance: As in `Stationary`.
        alpha: $\alpha$, where it starts; as it grows the kernel becomes `RBF`.
        **kwargs: Passed to `Kernel`.

    Example:
        >>> from kelbo import gp
        >>> kernel = gp.kernels.RationalQuadratic(alpha=0.5)
        >>> round(float(kernel([[0.0]], [[3.0**0.5]])[0, 0]), 6)
        0.5
    """

    def __init__(
        self,
        length_scale: ArrayLike = 1.0,
        variance: ArrayLike = 1.0,
        alpha: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        super().__init__(length_scale, variance, **kwargs)
        self.alpha = self.parameter("alpha", alpha)

    def correlation(self, squared: Tensor) -> Tensor:
        alpha = ops.cast(self.alpha(), squared.dtype)
        return ops.exp(-alpha * ops.log1p(squared / (2.0 * alpha)))
