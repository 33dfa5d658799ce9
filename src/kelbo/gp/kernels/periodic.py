"""Kernels that repeat themselves: periodic functions, waves, and mixtures of waves."""

import math
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.kernels.columns import for_columns
from kelbo.gp.kernels.constant import variance_like
from kelbo.gp.kernels.distances import squared_distances
from kelbo.gp.kernels.kernel import Kernel
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_TWO_PI = 2.0 * math.pi


@registered
class Periodic(Kernel):
    r"""Functions that repeat themselves.

    $$k(x, x') = \sigma^2 \exp\left(-2 \sum_i \sin^2(\pi (x_i - x'_i) / p_i) / \ell_i^2\right)$$

    It is `RBF` of the points $(\cos, \sin)(2 \pi x_i / p_i)$ of a circle for each column, and is
    computed so. (MacKay, 1998, "Introduction to Gaussian processes"; Rasmussen and Williams, 2006,
    eq. 4.31.)

    Args:
        period: $p$, where it starts: one number for all columns, or one for each.
        length_scale: $\ell$, where it starts: one number, or one for each column.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: A parameter is not positive, or there are not as many numbers as columns (when
            called).

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.Periodic(period=2.0)
        >>> ops.convert_to_numpy(kernel([[0.0]], [[1.0], [4.0]])).round(3)  # exp(-2), and 1
        array([[0.135, 1.   ]])
    """

    def __init__(
        self,
        period: ArrayLike = 1.0,
        length_scale: ArrayLike = 1.0,
        variance: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.period = self.parameter("period", period)
        self.length_scale = self.parameter("length_scale", length_scale)
        self.variance = self.parameter("variance", variance)

    def _on_circles(self, x):
        angles = _TWO_PI * x / for_columns(self, self.period, x)
        scale = for_columns(self, self.length_scale, x)
        return ops.concatenate([ops.cos(angles) / scale, ops.sin(angles) / scale], axis=-1)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        others = None if y is None else self._on_circles(y)
        squared = squared_distances(self._on_circles(x), others)
        return ops.cast(self.variance(), x.dtype) * ops.exp(-0.5 * squared)

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


@registered
class Cosine(Kernel):
    r"""Plane waves, $k = \sigma^2 \cos(2 \pi \sum_i (x_i - x'_i) / p_i)$.

    A process of it is one wave, of random phase and amplitude; it never ends.

    Args:
        period: $p$, where it starts: one number for all columns, or one for each.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: As in `Periodic`.

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.Cosine(period=2.0)
        >>> ops.convert_to_numpy(kernel([[0.0]], [[1.0], [2.0]])).round(3)
        array([[-1.,  1.]])
    """

    def __init__(self, period: ArrayLike = 1.0, variance: ArrayLike = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.period = self.parameter("period", period)
        self.variance = self.parameter("variance", variance)

    def _phases(self, x):
        return ops.sum(_TWO_PI * x / for_columns(self, self.period, x), axis=-1)[..., None]

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        phases = self._phases(x)
        others = phases if y is None else self._phases(y)
        return ops.cast(self.variance(), x.dtype) * ops.cos(phases - ops.swapaxes(others, -1, -2))

    def diagonal_of(self, x: Tensor) -> Tensor:
        return variance_like(self, ops.zeros_like(x[..., 0]))


@registered
class SpectralMixture(Kernel):
    r"""A mixture of $Q$ normal distributions of frequencies: any stationary kernel, in the limit.

    $$k(x, x + \tau) = \sum_q w_q \cos(2 \pi\, \mu_q^\top \tau)
      \exp\left(-2 \pi^2 \sum_i s_{qi}^2 \tau_i^2\right)$$

    whose spectral density is $\sum_q w_q (N(\mu_q, S_q^2) + N(-\mu_q, S_q^2)) / 2$, in cycles per
    unit of the inputs. (Wilson and Adams, 2013, "Gaussian process kernels for pattern discovery and
    extrapolation", eq. 12.)

    Args:
        mixture_weights: $w$, where they start: an array of shape (Q,), positive.
        means: $\mu$, where they start: an array of shape (Q, d), frequencies. The likelihood has
            many modes in them: start from those of peaks of a periodogram, or several times.
        scales: $s$, where they start: an array of shape (Q, d), positive.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: The shapes do not fit, or a number is not what it must be.

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.SpectralMixture([1.0, 0.5], [[0.1], [1.0]], [[0.05], [0.2]])
        >>> ops.convert_to_numpy(kernel.diagonal([[0.0], [3.0]])).round(3)
        array([1.5, 1.5])
    """

    def __init__(
        self,
        mixture_weights: ArrayLike = (1.0,),
        means: ArrayLike = ((0.0,),),
        scales: ArrayLike = ((1.0,),),
        **kwargs: Any,
    ):
        shapes = [np.shape(ops.convert_to_numpy(each)) for each in (mixture_weights, means, scales)]
        if len(shapes[1]) != 2 or shapes[1] != shapes[2] or shapes[0] != shapes[1][:1]:
            raise ValueError(
                "SpectralMixture: mixture_weights, means and scales must have the shapes (Q,), "
                f"(Q, d) and (Q, d), got {shapes[0]}, {shapes[1]} and {shapes[2]}."
            )
        super().__init__(**kwargs)
        self.mixture_weights = self.parameter("mixture_weights", mixture_weights)
        self.means = self.parameter("means", means, constraints.real, floor=None)
        self.scales = self.parameter("scales", scales)

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        columns = self.means.shape[1]
        if x.shape[-1] != columns:
            raise ValueError(
                f"SpectralMixture: means are frequencies of {columns} columns, but the inputs have "
                f"{x.shape[-1]}, in the shape {tuple(x.shape)}."
            )
        means = _TWO_PI * ops.cast(self.means(), x.dtype)
        scales = _TWO_PI * ops.cast(self.scales(), x.dtype)[:, None, :]

        def of_parts(z):  # with an axis of the Q parts in front of the rows
            z = z[..., None, :, :]
            return z * scales, ops.matmul(z, ops.transpose(means)[None])

        scaled, waves = of_parts(x)
        # Phases (..., 1, n, Q) as (..., Q, n, 1).
        phases = ops.swapaxes(waves, -1, -3)
        others, other_phases = (None, phases) if y is None else of_parts(y)
        if y is not None:
            other_phases = ops.swapaxes(other_phases, -1, -3)
        squared = squared_distances(scaled, others)
        waves = ops.cos(phases - ops.swapaxes(other_phases, -1, -2))
        weights = ops.cast(self.mixture_weights(), x.dtype)[:, None, None]
        return ops.sum(weights * waves * ops.exp(-0.5 * squared), axis=-3)

    def diagonal_of(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[..., 0]) + ops.cast(ops.sum(self.mixture_weights()), x.dtype)
