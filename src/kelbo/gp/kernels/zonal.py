"""Kernels of the angle between inputs, seen from a point beside them."""

import abc
import math
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.kernels.columns import for_columns
from kelbo.gp.kernels.distances import root, squared_distances
from kelbo.gp.kernels.gegenbauer import level_sizes, series, step_power_coefficients
from kelbo.gp.kernels.kernel import Kernel
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


class Zonal(Kernel):
    r"""A kernel of the angle between inputs that have a further column, the bias.

    $$k(x, x') = \sigma^2\, r^p\, r'^p\, \kappa(\tilde x^\top \tilde x' / (r r')), \qquad
      \tilde x = (\sqrt{w_1} x_1, \ldots, \sqrt{w_d} x_d, \sqrt b), \quad
      r = \lVert \tilde x \rVert$$

    so that a process on the sphere $S^d$ becomes one of $d$ columns. A subclass writes
    `correlation`, $\kappa$, and `eigenvalues`, and says the `degree`, $p$.

    Args:
        weight_variances: $w$, where they start: one number for all columns, or one for each.
        bias_variance: $b$, where it starts; None for no further column, for inputs that lie on a
            sphere.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: A parameter is not positive, or there are not as many weight variances as
            columns (when called).
    """

    degree: int

    def __init__(
        self,
        weight_variances: ArrayLike = 1.0,
        bias_variance: ArrayLike | None = 1.0,
        variance: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.weight_variances = self.parameter("weight_variances", weight_variances)
        has_bias = bias_variance is not None
        self.bias_variance = self.parameter("bias_variance", bias_variance) if has_bias else None
        self.variance = self.parameter("variance", variance)

    @abc.abstractmethod
    def correlation(self, squared: Tensor, dimension: int) -> Tensor:
        r"""$\kappa$, as a function of the squared chord, $2 - 2 \cos \theta$.

        Args:
            squared: Tensor of any shape, in [0, 4].
            dimension: $d$, of the space that the sphere lies in.

        Returns:
            A tensor of the same shape.
        """

    @abc.abstractmethod
    def eigenvalues(self, dimension: int, levels: int, dtype: str = "float64") -> Tensor:
        r"""$\lambda_n$, in $\kappa(t) = \sum_n \lambda_n N_n P_n(t)$: see `gegenbauer`.

        Args:
            dimension: $d$, of the space that the sphere lies in.
            levels: How many.
            dtype: Of the result.

        Returns:
            A tensor of shape (levels,), of numbers of at least 0.
        """

    def on_sphere(self, x: Any) -> tuple[Tensor, Tensor]:
        r"""Where inputs lie on the sphere, and how large the process is there.

        Args:
            x: Inputs, of shape (..., n, d).

        Returns:
            Points of length 1, of shape (..., n, dimension), and $\sigma r^p$, of shape (..., n).

        Raises:
            ValueError: The shape does not fit.
        """
        self._require_built()
        x = self._columns_of(x, "x")
        points, lengths = self._points(x)
        return points, ops.sqrt(ops.cast(self.variance(), x.dtype)) * self._power(lengths)

    def _power(self, lengths):
        """Lengths to the power of the degree, whose slope is finite at 0 too."""
        return math.prod([lengths] * self.degree, start=ops.ones_like(lengths))

    def _points(self, x):
        """Directions, and lengths: 0 for a point that has no direction."""
        points = x * ops.sqrt(for_columns(self, self.weight_variances, x))
        if self.bias_variance is not None:
            bias = ops.sqrt(ops.cast(self.bias_variance(), x.dtype))
            bias = bias + ops.zeros_like(points[..., :1])
            points = ops.concatenate([points, bias], axis=-1)
        if points.shape[-1] < 2:
            raise ValueError(
                f"{type(self).__name__}: one column without a bias has no angles: give a "
                "bias_variance."
            )
        lengths = root(ops.sum(points * points, axis=-1))
        safe = ops.where(ops.equal(lengths, 0), ops.ones_like(lengths), lengths)
        return points / safe[..., None], lengths

    def matrix_of(self, x: Tensor, y: Tensor | None) -> Tensor:
        points, lengths = self._points(x)
        others, other_lengths = (None, lengths) if y is None else self._points(y)
        squared = ops.minimum(squared_distances(points, others), 4.0)
        correlation = self.correlation(squared, points.shape[-1])
        if self.degree:
            sizes = self._power(lengths)[..., :, None] * self._power(other_lengths)[..., None, :]
            correlation = sizes * correlation
        return ops.cast(self.variance(), x.dtype) * correlation

    def diagonal_of(self, x: Tensor) -> Tensor:
        points, lengths = self._points(x)
        at_zero = self.correlation(ops.zeros((1,), dtype=x.dtype), points.shape[-1])
        return ops.cast(self.variance(), x.dtype) * at_zero * self._power(lengths * lengths)

    def get_config(self) -> dict[str, Any]:
        # Without a bias there is no parameter of this name.
        return {"bias_variance": None, **super().get_config()}


@registered
class ArcCosine(Zonal):
    r"""The kernel of a network with one infinitely wide layer of steps, ReLUs or their squares.

    $$k(x, x') = \frac{\sigma^2}{\pi}\, r^p\, r'^p\, J_p(\theta), \qquad J_0 = \pi - \theta, \quad
      J_1 = \sin \theta + (\pi - \theta) \cos \theta, \quad
      J_2 = 3 \sin \theta \cos \theta + (\pi - \theta)(1 + 2 \cos^2 \theta)$$

    with the angle $\theta$ and the lengths $r$ of `Zonal`: $2 \sigma^2\, \mathbb{E}\,
    \phi(\omega^\top \tilde x)\, \phi(\omega^\top \tilde x')$, where $\phi(a) = \max(a, 0)^p$ and
    $\omega$ is standard normal. (Cho and Saul, 2009, "Kernel methods for deep learning", eq. 1
    and 3.) So its eigenvalues are $2\, \mathbb{E} \lVert \omega \rVert^{2 p}$ times the squared
    coefficients of $\phi$.

    Args:
        order: $p$: 0 for steps, 1 for ReLUs, 2 for their squares.
        weight_variances: As in `Zonal`.
        bias_variance: As in `Zonal`.
        variance: $\sigma^2$, where it starts.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: `order` is none of these, or as in `Zonal`.

    Example:
        >>> from kelbo import gp, ops
        >>> kernel = gp.kernels.ArcCosine(order=1)
        >>> ops.convert_to_numpy(kernel.diagonal([[0.0], [2.0]])).round(3)  # 1 + x^2
        array([1., 5.])
    """

    def __init__(
        self,
        order: int = 1,
        weight_variances: ArrayLike = 1.0,
        bias_variance: ArrayLike | None = 1.0,
        variance: ArrayLike = 1.0,
        **kwargs: Any,
    ):
        if order not in (0, 1, 2):
            raise ValueError(f"ArcCosine: order must be 0, 1 or 2, got {order!r}.")
        super().__init__(weight_variances, bias_variance, variance, **kwargs)
        self.order = int(order)

    @property
    def degree(self) -> int:
        """The power of lengths, which is the order."""
        return self.order

    def correlation(self, squared: Tensor, dimension: int) -> Tensor:
        # By the chord, not by the arc cosine, whose slope is infinite at the angle 0.
        chord, far = root(squared), root(4.0 - squared)
        left = math.pi - 2.0 * ops.arctan2(chord, far)
        if self.order == 0:
            return left / math.pi
        sine, cosine = 0.5 * chord * far, 1.0 - 0.5 * squared
        if self.order == 1:
            return (sine + left * cosine) / math.pi
        return (3.0 * sine * cosine + left * (1.0 + 2.0 * cosine * cosine)) / math.pi

    def eigenvalues(self, dimension: int, levels: int, dtype: str = "float64") -> Tensor:
        moment = (1.0, dimension, dimension * (dimension + 2.0))[self.order]
        found = 2.0 * moment * step_power_coefficients(self.order, dimension, levels) ** 2
        return ops.convert_to_tensor(found, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order}


_SMOOTHNESS = (0.5, 1.5, 2.5)


@registered
class ZonalMatern(Zonal):
    r"""The Matérn kernel of a sphere, by the first levels of its series.

    $$\kappa(t) = \sum_{n < L} \lambda_n N_n P_n(t), \qquad
      \lambda_n \propto \left( \frac{2 \nu}{\ell^2} + n (n + d - 2) \right)^{-\nu - (d - 1) / 2},
      \qquad \kappa(1) = 1$$

    where $n (n + d - 2)$ are the eigenvalues of the Laplace-Beltrami operator on $S^{d-1}$. With
    the `degree` 1 it is the process of Dutordoir et al., 2020, "Sparse Gaussian processes with
    spherical harmonic features", which grows with the distance from the origin; on the sphere
    itself it is that of Borovitskiy et al., 2020, "Matérn Gaussian processes on Riemannian
    manifolds" (there with $d$ for our $d - 1$).

    Args:
        smoothness: $\nu$: 0.5, 1.5 or 2.5.
        length_scale: $\ell$, where it starts: an angle, in radians.
        weight_variances: As in `Zonal`.
        bias_variance: As in `Zonal`.
        variance: $\sigma^2$, where it starts.
        levels: $L$. Those above have no share; where the length scale is short, take several times
            $\sqrt{2 \nu} / \ell$.
        degree: $p$ of `Zonal`: 1, or 0 for a process of the direction alone.
        **kwargs: Passed to `Kernel`.

    Raises:
        ValueError: An argument is not what it must be.

    Example:
        >>> from kelbo import gp
        >>> kernel = gp.kernels.ZonalMatern(2.5, bias_variance=None, degree=0)
        >>> kernel.diagonal([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]]).shape
        (2,)
    """

    def __init__(
        self,
        smoothness: float = 1.5,
        length_scale: ArrayLike = 1.0,
        weight_variances: ArrayLike = 1.0,
        bias_variance: ArrayLike | None = 1.0,
        variance: ArrayLike = 1.0,
        levels: int = 20,
        degree: int = 1,
        **kwargs: Any,
    ):
        if smoothness not in _SMOOTHNESS:
            raise ValueError(
                f"ZonalMatern: smoothness must be 0.5, 1.5 or 2.5, got {smoothness!r}."
            )
        super().__init__(weight_variances, bias_variance, variance, **kwargs)
        self.length_scale = self.parameter("length_scale", length_scale)
        self.smoothness = float(smoothness)
        self.levels = whole_number("ZonalMatern", "levels", levels)
        self.degree = whole_number("ZonalMatern", "degree", degree, 0)

    def _level_variances(self, dimension, dtype):
        n = np.arange(self.levels)
        laplacian = ops.convert_to_tensor(n * (n + dimension - 2.0), dtype=dtype)
        inverse = 2.0 * self.smoothness / ops.cast(self.length_scale(), dtype) ** 2
        # Of the first level they are ratios, whose powers stay in range.
        ratios = inverse / (inverse + laplacian)
        sizes = ops.convert_to_tensor(level_sizes(dimension, self.levels), dtype=dtype)
        found = sizes * ratios ** (self.smoothness + 0.5 * (dimension - 1))
        return found / ops.sum(found), sizes

    def correlation(self, squared: Tensor, dimension: int) -> Tensor:
        sizes, _ = self._level_variances(dimension, squared.dtype)
        return series(1.0 - 0.5 * squared, sizes, dimension)

    def eigenvalues(self, dimension: int, levels: int, dtype: str = "float64") -> Tensor:
        variances, sizes = self._level_variances(dimension, dtype)
        found = variances / sizes
        missing = ops.zeros((max(levels - self.levels, 0),), dtype=dtype)
        return ops.concatenate([found[:levels], missing])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "smoothness": self.smoothness,
            "levels": self.levels,
            "degree": self.degree,
        }
