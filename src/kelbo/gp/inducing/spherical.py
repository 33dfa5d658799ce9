"""Features of processes on a sphere: inner products with functions of their Hilbert space."""

import abc
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.inducing.features import Features, InducingFeatures
from kelbo.gp.inducing.orthogonal import OrthogonalFeatures
from kelbo.gp.inducing.points import InducingPoints
from kelbo.gp.kernels import Kernel, Zonal
from kelbo.parameters import whole_number
from kelbo.typing import Tensor


class SphericalFeatures(InducingFeatures):
    r"""Inner products $u_m = \langle g, h_m \rangle$ of a process with functions on the sphere.

    They go with the kernels of `gp.kernels.Zonal`, for which $f(x) = \sigma r^p g(\tilde x / r)$
    with a process $g$ on the sphere of covariance $\kappa(t) = \sum_n \lambda_n N_n P_n(t)$. In
    the Hilbert space of $\kappa$ it holds that

    $$\mathrm{Cov}(u_m, f(x)) = \sigma r^p\, h_m(\tilde x / r), \qquad
      \mathrm{Cov}(u_m, u'_k) = \langle h_m, h'_k \rangle
      = \sum_n \frac{1}{\lambda_n} \langle h_{m,n}, h'_{k,n} \rangle_{L_2}$$

    by levels $n$. Levels of which the kernel has nothing, $\lambda_n = 0$, are left out of both, so
    that the covariances are exactly those of one process whatever the number of levels is.

    A subclass writes `representers` and `inner_products`.

    Args:
        count: How many there are, $M$.
        dimension: $d$, of the space that the sphere lies in: the columns that the kernel sees, and
            one for its bias.
        levels: How many levels $n$ from 0 they have parts in, at most.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `dimension` is below 2, or `levels` below 1.
    """

    def __init__(self, count: int, dimension: int, levels: int, **kwargs: Any):
        super().__init__(count, **kwargs)
        self._dimension = whole_number(type(self).__name__, "dimension", dimension, 2)
        self._level_count = whole_number(type(self).__name__, "levels", levels)

    @abc.abstractmethod
    def representers(
        self, eigenvalues: Tensor, points: Tensor, factors: Tensor | None = None
    ) -> Tensor:
        r"""The functions, with a factor for each level: $\sum_n c_n h_{m,n}(x)$.

        Args:
            eigenvalues: $\lambda_n$, of shape (levels,).
            points: Points of the sphere, of shape (..., n, d).
            factors: $c_n$, of shape (levels,); None for 1.

        Returns:
            A tensor of shape (..., M, n).
        """

    @abc.abstractmethod
    def inner_products(self, eigenvalues: Tensor, other: "SphericalFeatures") -> Tensor:
        r"""Those with the functions of other features.

        Args:
            eigenvalues: $\lambda_n$, of as many levels as the features with more of them have.
            other: The other features.

        Returns:
            A tensor of shape (M, number of the others).
        """

    def _require_zonal(self, kernel):
        if not isinstance(kernel, Zonal):
            raise TypeError(
                f"{type(self).__name__} are features of processes on a sphere: they need a kernel "
                f"of gp.kernels.Zonal (ArcCosine, ZonalMatern), got {type(kernel).__name__}. A "
                "factor of it is its variance."
            )

    def _eigenvalues(self, kernel, dtype, levels=0):
        self._require_zonal(kernel)
        return kernel.eigenvalues(self._dimension, max(self._level_count, levels), dtype)

    def Kuu(self, kernel: Kernel, dtype: str = "float64") -> Tensor:
        return self.inner_products(self._eigenvalues(kernel, dtype), self)

    def Kuf(self, kernel: Kernel, x: Tensor) -> Tensor:
        self._require_zonal(kernel)
        points, sizes = kernel.on_sphere(x)
        if points.shape[-1] != self._dimension:
            raise ValueError(
                f"{type(self).__name__} lie in {self._dimension} dimensions, but the kernel maps "
                f"inputs of the shape {tuple(np.shape(x))} to {points.shape[-1]}: the columns that "
                "it sees, and one for its bias."
            )
        eigenvalues = self._eigenvalues(kernel, points.dtype)
        return self.representers(eigenvalues, points) * sizes[..., None, :]

    def Kuv(self, kernel: Kernel, other: Features, dtype: str = "float64") -> Tensor:
        if isinstance(other, InducingPoints):
            return self.Kuf(kernel, other.values(dtype))
        if isinstance(other, OrthogonalFeatures):
            return ops.transpose(other.Kuv(kernel, self, dtype))
        if not isinstance(other, SphericalFeatures):
            raise TypeError(
                f"{type(self).__name__} and {type(other).__name__}: their covariance is not known."
            )
        if other._dimension != self._dimension:
            raise ValueError(
                f"{type(self).__name__} in {self._dimension} dimensions, and "
                f"{type(other).__name__} in {other._dimension}: they must lie on one sphere."
            )
        return self.inner_products(self._eigenvalues(kernel, dtype, other._level_count), other)


def safe_inverse(eigenvalues: Tensor) -> Tensor:
    """1 / eigenvalue, and 0 where that is 0: what there is nothing of, is left out.

    Args:
        eigenvalues: Numbers of at least 0.

    Returns:
        A tensor of the same shape.
    """
    is_there = eigenvalues > 0
    one = ops.ones_like(eigenvalues)
    return ops.where(is_there, 1.0 / ops.where(is_there, eigenvalues, one), 0.0 * one)
