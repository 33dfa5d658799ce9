"""The LKJ distribution of Cholesky factors of correlation matrices."""

import math

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.seeds import several_seeds
from kelbo.ops.series import polynomial
from kelbo.ops.special.gamma_density import log_minus_digamma, stirling_rest
from kelbo.parameters import Shape, constraints, whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class LKJCholesky(Distribution):
    r"""Cholesky factors of correlation matrices, by Lewandowski, Kurowicka and Joe.

    The matrix $C = L L^\top$ has the density $\propto \det(C)^{\eta - 1}$, so that its factor has

    $$p(L) \propto \prod_{i=2}^{d} L_{ii}^{\,d - i + 2 (\eta - 1)}$$

    with respect to the entries below the diagonal, each of whose rows has a length of at most 1.
    At $\eta = 1$ all correlation matrices are equally probable; a larger one favours weak
    correlations, a smaller one strong ones. $C$ has the mean $I$.

    The prior of a correlation: `covariance = D C D` with standard deviations D, or
    `scale_tril = D L`.

    Draws are those of the onion method: the row i is a normal vector of i - 1 entries beside the
    root of a Gamma variable, divided by its length. They have pathwise gradients by `concentration`
    (implicit ones, of the Gamma variables). Rows of `value` are taken to have length 1.

    Source: Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices based on
    vines and extended onion method".

    Args:
        dimension: $d$, the number of rows, at least 2.
        concentration: $\eta > 0$.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `dimension` is not a whole number of at least 2, or `concentration` is not
            positive.

    Example:
        >>> from kelbo.distributions import LKJCholesky
        >>> LKJCholesky(3, 2.0).sample((5,), seed=1).shape
        (5, 3, 3)
    """

    parameters = {"concentration": constraints.positive}
    support = constraints.correlation_cholesky
    reparameterized = True

    def __init__(
        self,
        dimension: int,
        concentration: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self.dimension = whole_number("LKJCholesky", "dimension", dimension, minimum=2)
        super().__init__(concentration=concentration, dtype=dtype, validate=validate)

    def _arguments(self, parameters):
        return {"dimension": self.dimension, **parameters}

    @property
    def event_shape(self) -> Shape:
        return (self.dimension, self.dimension)

    def _reference(self):
        return self.concentration[..., None, None] + ops.eye(self.dimension, dtype=self.dtype)

    def _rows(self):
        """The numbers i of the rows from the second to the last."""
        return ops.arange(2, self.dimension + 1, dtype=self.dtype)

    def _gammas(self):
        """The concentrations a of the Gamma variables: L_ii^2 follows Beta(a_i, (i - 1) / 2)."""
        return self.concentration[..., None] + 0.5 * (self.dimension - self._rows())

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        shape = tuple(shape)
        rows = (*shape[:-2], self.dimension - 1)
        log_gamma = ops.random.log_gamma(rows, self._gammas(), dtype=self.dtype, seed=seeds)
        noise = keras.random.normal((*rows, self.dimension - 1), dtype=self.dtype, seed=seeds)
        # What is left of the diagonal; it ends at the diagonal itself.
        left = math.sqrt(0.5) * ops.tril(noise)
        diagonal = ops.exp(0.5 * log_gamma)
        length = ops.sqrt(ops.sum(ops.square(left), axis=-1) + ops.square(diagonal))
        left, diagonal = left / length[..., None], diagonal / length
        no_row = ops.zeros((*shape[:-2], 1, self.dimension - 1), dtype=self.dtype)
        left = ops.concatenate([no_row, left], axis=-2)
        left = ops.concatenate([left, ops.zeros_like(left[..., :1])], axis=-1)
        first = ops.ones((*shape[:-2], 1), dtype=self.dtype)
        return ops.add_to_diagonal(left, ops.concatenate([first, diagonal], axis=-1))

    def _exponents(self):
        return 2.0 * (self._gammas() - 1.0)

    def _others(self):
        """The second parameter b, where L_ii^2 follows Beta(a, b)."""
        return 0.5 * (self._rows() - 1.0)

    def _log_normalizer(self):
        # Each row by itself: the integral over a ball of 2 b dimensions, pi^b G(a) / G(a + b).
        a, b = self._gammas(), self._others()
        log_ratio = (a + b - 0.5) * ops.log1p(b / a) + b * (ops.log(a) - 1.0)
        rests = stirling_rest(a) - stirling_rest(a + b)
        return ops.sum(b * math.log(math.pi) - log_ratio + rests, axis=-1)

    def _log_prob(self, value):
        diagonal = ops.diagonal(value, axis1=-2, axis2=-1)[..., 1:]
        outside = diagonal <= 0
        safe = ops.where(outside, ops.ones_like(diagonal), diagonal)
        log_prob = ops.sum(self._exponents() * ops.log(safe), axis=-1) - self._log_normalizer()
        return ops.where(ops.any(outside, axis=-1), -float("inf"), log_prob)

    def _below(self, numbers):
        """A matrix whose row i has the i-th of these numbers below its diagonal; zero elsewhere."""
        rows = ops.ones((self.dimension, self.dimension), dtype=self.dtype)
        return ops.tril(numbers[..., None] * rows, -1)

    def _with_first(self, first, diagonal):
        first = ops.full_like(diagonal[..., :1], first)
        return ops.concatenate([first, diagonal], axis=-1)

    def _log_shrinkage(self):
        """The log of E[L_ii] / sqrt(E[L_ii^2])."""
        a = self._gammas()
        return _log_root_ratio(a) - _log_root_ratio(a + self._others())

    def _mean_square(self):
        a = self._gammas()
        return a / (a + self._others())

    def mean(self) -> Tensor:
        """Mean of the factor: diagonal. That of the correlation matrix is the identity."""
        diagonal = ops.exp(self._log_shrinkage()) * ops.sqrt(self._mean_square())
        diagonal = self._with_first(1.0, diagonal)
        return diagonal[..., None] * ops.eye(self.dimension, dtype=self.dtype)

    def variance(self) -> Tensor:
        """Variance of each entry of the factor; 0 above the diagonal and in the first row."""
        below = 0.5 / (self._gammas() + self._others())
        diagonal = -ops.expm1(2.0 * self._log_shrinkage()) * self._mean_square()
        below = self._below(self._with_first(0.0, below))
        return ops.add_to_diagonal(below, self._with_first(0.0, diagonal))

    def mode(self) -> Tensor:
        """The identity (at a concentration of 1, one of many); NaN below 1: there is no mode."""
        is_bounded = (self.concentration >= 1)[..., None, None]
        identity = ops.eye(self.dimension, dtype=self.dtype)
        return ops.where(is_bounded, identity, float("nan"))

    def entropy(self) -> Tensor:
        a, b = self._gammas(), self._others()
        gap = log_minus_digamma(a + b) - log_minus_digamma(a)
        mean_log = 0.5 * (gap - ops.log1p(b / a))
        return self._log_normalizer() - ops.sum(self._exponents() * mean_log, axis=-1)


# The logarithm of G(z + 1/2) / (G(z) sqrt(z)): odd powers of 1 / z, enough of them from 8 on.
_SERIES = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984)
_SHIFT = 8


def _log_root_ratio(a):
    r"""$\log \Gamma(a + \frac12) - \log \Gamma(a) - \frac12 \log a$, to all digits for large a."""
    small = a < _SHIFT
    inverse = 1.0 / ops.where(small, a + _SHIFT, a)
    low = ops.where(small, a, ops.ones_like(a))
    shift = 0.5 * ops.log1p(_SHIFT / low)
    for i in range(_SHIFT):
        shift = shift + ops.log1p(-0.5 / (low + (i + 0.5)))
    series = inverse * polynomial(ops.square(inverse), _SERIES)
    return series + ops.where(small, shift, ops.zeros_like(shift))
