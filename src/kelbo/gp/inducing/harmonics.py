"""Spherical harmonics as features: the coordinates of a process on a sphere."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import linalg

from kelbo import ops
from kelbo.gp.inducing.activations import inner_products_with_units
from kelbo.gp.inducing.spherical import SphericalFeatures
from kelbo.gp.kernels.gegenbauer import harmonics_of_level, polynomials, series
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.typing import Tensor


@functools.cache
def fundamental_system(level: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Points $v_j$ of the sphere, and the matrix that makes harmonics of zonal functions at them.

    The functions $N_n P_n(v_j^\top x)$ of as many points as there are harmonics of the level span
    them, if the points lie well; $\phi_n(x) = L^{-1} (N_n P_n(v_j^\top x))_j$ are orthonormal, with
    $L L^\top = (N_n P_n(v_i^\top v_j))_{ij}$. The points are chosen among random ones, always the
    same, by pivots. (Dutordoir et al., 2020, "Sparse Gaussian processes with spherical harmonic
    features".)

    Args:
        level: $n$.
        dimension: $d$.

    Returns:
        Points, of shape (N, d), and $L^{-1}$, of shape (N, N).
    """
    count = harmonics_of_level(level, dimension)
    drawn = np.random.default_rng([level, dimension]).normal(size=(3 * count, dimension))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)

    def gram(points):
        cosines = np.clip(points @ points.T, -1.0, 1.0)
        return count * polynomials(cosines, dimension, level + 1)[level]

    chosen = linalg.qr(gram(drawn), mode="r", pivoting=True)[1][:count]
    points = drawn[chosen]
    lower = np.linalg.cholesky(gram(points))
    return points, linalg.solve_triangular(lower, np.eye(count), lower=True)


@registered
class SphericalHarmonics(SphericalFeatures):
    r"""Coordinates of a process on a sphere: inner products with spherical harmonics.

    $$g = \sum_n \sqrt{\lambda_n} \sum_j u_{nj}\, \phi_{nj}, \qquad K_{uu} = I, \qquad
      \mathrm{Cov}(u_{nj}, f(x)) = \sigma r^p \sqrt{\lambda_n}\, \phi_{nj}(\tilde x / r)$$

    They are independent before any data, and the first levels explain the most of all features of
    their number; but there are many of them in many dimensions. (Dutordoir, Durrande and Hensman,
    2020, "Sparse Gaussian processes with spherical harmonic features"; there they are scaled so
    that $K_{uu}$ has the diagonal $1 / \lambda_n$.)

    Args:
        dimension: $d$: the columns that the kernel sees, and one for its bias.
        levels: How many levels, from 0; or which of them, as [0, 1, 2, 4] where the kernel has
            nothing of level 3 (`ArcCosine` of order 1).
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `dimension` is below 2, or `levels` are no different whole numbers.

    Example:
        >>> from kelbo import gp
        >>> harmonics = gp.inducing.SphericalHarmonics(dimension=3, levels=4)
        >>> harmonics.count  # 1 + 3 + 5 + 7
        16
        >>> harmonics.Kuf(gp.kernels.ZonalMatern(), [[0.0, 1.0]]).shape
        (16, 1)
    """

    def __init__(self, dimension: int, levels: int | Sequence[int] = 4, **kwargs: Any):
        dimension = whole_number("SphericalHarmonics", "dimension", dimension, 2)
        if isinstance(levels, Sequence):
            levels = tuple(whole_number("SphericalHarmonics", "levels", n, 0) for n in levels)
            if not levels or len(set(levels)) < len(levels):
                raise ValueError(
                    f"SphericalHarmonics: levels must be different, got {list(levels)}."
                )
        else:
            levels = tuple(range(whole_number("SphericalHarmonics", "levels", levels)))
        self._sizes = [harmonics_of_level(n, dimension) for n in levels]
        super().__init__(sum(self._sizes), dimension, max(levels) + 1, **kwargs)
        self.dimension, self.levels = dimension, levels

    def representers(
        self, eigenvalues: Tensor, points: Tensor, factors: Tensor | None = None
    ) -> Tensor:
        across = ops.swapaxes(points, -1, -2)
        rows = []
        for n, size in zip(self.levels, self._sizes, strict=True):
            centers, mixing = fundamental_system(n, self._dimension)
            cosines = ops.matmul(ops.convert_to_tensor(centers, points.dtype), across)
            only = ops.convert_to_tensor(np.eye(n + 1)[n] * size, points.dtype)
            found = series(cosines, only, self._dimension)
            found = ops.matmul(ops.convert_to_tensor(mixing, points.dtype), found)
            # Not of 0, where the root has no slope.
            is_there = eigenvalues[n] > 0
            scale = ops.sqrt(ops.where(is_there, eigenvalues[n], ops.ones_like(eigenvalues[n])))
            scale = scale * ops.cast(is_there, points.dtype)
            rows.append(found * (scale if factors is None else scale * factors[n]))
        return ops.concatenate(rows, axis=-2)

    def inner_products(self, eigenvalues: Tensor, other: SphericalFeatures) -> Tensor:
        if not isinstance(other, SphericalHarmonics):
            return inner_products_with_units(self, eigenvalues, other)
        ours, theirs = self._names(), other._names()
        same = np.array([[name == another for another in theirs] for name in ours], "float64")
        return ops.convert_to_tensor(same, dtype=eigenvalues.dtype)

    def _names(self):
        """Level and number of each harmonic."""
        return [
            (n, j) for n, size in zip(self.levels, self._sizes, strict=True) for j in range(size)
        ]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dimension": self.dimension,
            "levels": list(self.levels),
        }
