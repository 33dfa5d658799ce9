"""Neural activation features: the functions of a layer of units, on a sphere."""

import functools
from typing import Any

import numpy as np
from scipy import special

from kelbo import ops
from kelbo.gp.inducing.spherical import SphericalFeatures, safe_inverse
from kelbo.gp.kernels.gegenbauer import (
    coefficients,
    level_sizes,
    series,
    step_power_coefficients,
)
from kelbo.gp.parameters import starting_at
from kelbo.intake import as_array
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_BY_QUADRATURE = {"softplus": lambda t: np.logaddexp(0.0, t), "erf": special.erf}
ACTIVATIONS = ("relu", *_BY_QUADRATURE)


@functools.cache
def activation_coefficients(activation: str, dimension: int, levels: int) -> np.ndarray:
    r"""$\sigma_n$, in $\sigma(t) = \sum_n \sigma_n N_n P_n(t)$: see `gegenbauer`.

    Args:
        activation: "relu", "softplus" or "erf".
        dimension: $d$, of the space that the sphere lies in.
        levels: How many.

    Returns:
        An array of shape (levels,).

    Example:
        >>> from kelbo.gp.inducing.activations import activation_coefficients
        >>> activation_coefficients("relu", 5, 4)
        array([0.1875 , 0.1    , 0.03125, 0.     ])
    """
    if activation == "relu":
        return step_power_coefficients(1, dimension, levels)
    return coefficients(_BY_QUADRATURE[activation], dimension, levels)


@registered
class ActivationFeatures(SphericalFeatures):
    r"""Units of a neural network as features.

    $$\mathrm{Cov}(u_m, f(x)) = \sigma r^p\, \sigma_L(z_m^\top \tilde x / r)$$

    so that the mean of a posterior with them is a layer of units with directions $z_m$, which
    train, on the inputs with a bias column. With $\sigma(t) = \sum_n \sigma_n N_n P_n(t)$ and a
    kernel of `gp.kernels.Zonal` with eigenvalues $\lambda_n$,

    $$K_{uu} = \sum_{n < L} \frac{\sigma_n^2}{\lambda_n} N_n P_n(z^\top z'), \qquad
      \sigma_L(t) = \sum_{n < L,\, \lambda_n > 0} \sigma_n N_n P_n(t)$$

    (Dutordoir et al., 2021, "Deep neural networks as point estimates for deep Gaussian processes";
    Tiao, Dutordoir and Picheny, 2023, "Spherical inducing features for orthogonally-decoupled
    Gaussian processes".) The activation is cut at the same level as $K_{uu}$, so that never more of
    the process is explained than there is. As $L$ grows, $K_{uu}$ converges where the activation is
    smoother than the kernel needs, as softplus is for `ArcCosine`. ReLU itself is not of its
    Hilbert space: for the kernel of order 1 the norm of a unit is $\sum_{n < L} N_n / (2 d)$, over
    its levels, which grows without end, and the units explain less and less: of ten columns take
    four levels. Of the levels 3, 5, ... `ArcCosine` of order 1 has nothing, and activations that
    are odd live there: "erf" is for `ZonalMatern`.

    Args:
        directions: Where the directions $z$ start: an array of shape (M, d), of d - 1 columns of
            inputs and one of biases; their lengths do not count. Good ones are inputs themselves
            with a column of ones.
        activation: "relu", "softplus" or "erf".
        levels: $L$.
        **kwargs: Passed to `keras.layers.Layer`: `trainable=False` for directions that stay.

    Raises:
        ValueError: `directions` is no array of shape (M, d), d at least 2, or has rows of zeros or
            values that are not finite; `activation` is none of these.

    Example:
        >>> import numpy as np
        >>> from kelbo import gp
        >>> x = np.random.default_rng(0).normal(size=(5, 2))
        >>> units = gp.inducing.ActivationFeatures(np.column_stack([x, np.ones(5)]), "softplus")
        >>> points = gp.inducing.InducingPoints(x[:3])
        >>> both = gp.inducing.OrthogonalFeatures(units, points)
        >>> both.Kuu(gp.kernels.ArcCosine(1)).shape
        (8, 8)
    """

    def __init__(
        self,
        directions: ArrayLike,
        activation: str = "relu",
        levels: int = 8,
        **kwargs: Any,
    ):
        start = np.asarray(ops.convert_to_numpy(as_array(directions, "directions")), "float64")
        if start.ndim != 2 or not len(start) or start.shape[1] < 2:
            raise ValueError(
                "ActivationFeatures: directions must be an array of shape (M, d) with a column for "
                f"each of the inputs and one for the bias, got {start.shape}."
            )
        if not np.isfinite(start).all() or not start.any(axis=1).all():
            raise ValueError(
                "ActivationFeatures: directions has values that are NaN or infinite, or a row of "
                "zeros."
            )
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"ActivationFeatures: activation must be one of "
                f"{', '.join(map(repr, ACTIVATIONS))}, got {activation!r}."
            )
        super().__init__(len(start), start.shape[1], levels, **kwargs)
        self.start, self.activation, self.levels = start, activation, int(levels)
        self.vectors = self.add_weight(
            shape=start.shape,
            initializer=starting_at(start),
            name="directions",
        )

    def values(self, dtype: str = "float64") -> Tensor:
        """The directions, of length 1.

        Args:
            dtype: Of the result.

        Returns:
            A tensor of shape (M, d).
        """
        vectors = ops.cast(self.vectors, dtype)
        return vectors / ops.sqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True))

    def coefficients(self, dtype: str = "float64") -> Tensor:
        r"""$\sigma_n$ of the activation.

        Args:
            dtype: Of the result.

        Returns:
            A tensor of shape (levels,).
        """
        found = activation_coefficients(self.activation, self._dimension, self.levels)
        return ops.convert_to_tensor(found, dtype=dtype)

    def representers(
        self, eigenvalues: Tensor, points: Tensor, factors: Tensor | None = None
    ) -> Tensor:
        eigenvalues = eigenvalues[: self.levels]
        sizes = ops.convert_to_tensor(level_sizes(self._dimension, self.levels), points.dtype)
        sizes = sizes * self.coefficients(points.dtype) * ops.cast(eigenvalues > 0, points.dtype)
        if factors is not None:
            sizes = sizes * factors[: self.levels]
        cosines = ops.matmul(self.values(points.dtype), ops.swapaxes(points, -1, -2))
        return series(cosines, sizes, self._dimension)

    def inner_products(self, eigenvalues: Tensor, other: SphericalFeatures) -> Tensor:
        if not isinstance(other, ActivationFeatures):
            return ops.transpose(other.inner_products(eigenvalues, self))
        return inner_products_with_units(self, eigenvalues, other)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "directions": self.start.tolist(),
            "activation": self.activation,
            "levels": self.levels,
        }


def inner_products_with_units(
    features: SphericalFeatures, eigenvalues: Tensor, units: ActivationFeatures
) -> Tensor:
    r"""Those of any features with units: $\sum_n \frac{\sigma_n}{\lambda_n} h_{m,n}(z)$.

    Args:
        features: The features.
        eigenvalues: $\lambda_n$.
        units: The units, with directions $z$.

    Returns:
        A tensor of shape (number of features, number of units).
    """
    inverse = safe_inverse(eigenvalues)
    beyond = ops.zeros_like(inverse[units.levels :])
    factors = ops.concatenate([units.coefficients(inverse.dtype), beyond]) * inverse
    return features.representers(eigenvalues, units.values(inverse.dtype), factors)
