"""The Dirichlet distribution."""

import math
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.gamma_density import log_minus_digamma, stirling_rest
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Dirichlet(Distribution):
    r"""Dirichlet distribution: of K probabilities that sum to 1.

    $$p(x) = \frac{\Gamma(\alpha_0)}{\prod_i \Gamma(\alpha_i)} \prod_i x_i^{\alpha_i - 1},
      \qquad x_i \ge 0,\ \sum_i x_i = 1, \quad \alpha_0 = \sum_i \alpha_i$$

    It is a density of the first K - 1 numbers (Ng, Tian and Tang, 2011, "Dirichlet and related
    distributions"). `log_prob` takes for granted that a value sums to 1. At $x_i = 0$ the density
    is infinite for $\alpha_i < 1$. Draws are a softmax of logarithms of gamma numbers, so that
    small concentrations give no NaN; an entry that is too small for its dtype becomes the smallest
    number of the dtype. Gradients of draws are the implicit ones (see `ops.random.gamma`).

    Args:
        concentration: $\alpha > 0$, of shape (..., K), K at least 2.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: An entry of `concentration` is not positive, or there are not two of them.

    Example:
        >>> from kelbo.distributions import Dirichlet
        >>> Dirichlet([1.0, 1.0, 2.0]).mean()
        [0.25, 0.25, 0.5]
    """

    parameters = {"concentration": constraints.positive_vector}
    support = constraints.simplex
    regular_support = constraints.open_simplex
    reparameterized = True

    def __init__(
        self, concentration: ArrayLike, *, dtype: str | None = None, validate: bool = True
    ):
        super().__init__(concentration=concentration, dtype=dtype, validate=validate)
        self._size = self.concentration.shape[-1]
        if self._size is not None and self._size < 2:
            raise ValueError(
                f"{type(self).__name__}: concentration must have at least 2 entries, got the shape "
                f"{tuple(self.concentration.shape)}."
            )

    @property
    def event_shape(self) -> Shape:
        return (self._size,)

    def _total(self):
        return ops.sum(self.concentration, axis=-1)

    def _count(self):
        return ops.cast(ops.shape(self.concentration)[-1], self.dtype)

    def _sample(self, shape, seed):
        log_gamma = ops.random.log_gamma(shape, self.concentration, dtype=self.dtype, seed=seed)
        return ops.maximum(ops.softmax(log_gamma, axis=-1), float(np.finfo(self.dtype).tiny))

    def _log_prob(self, value):
        # In x over the mean of x, which is near 1 where the mass of large concentrations is. The
        # identity holds for every center in the place of the mean: gradients need not pass it.
        a, total = self.concentration, self._total()
        fixed, fixed_total = ops.stop_gradient(a), ops.stop_gradient(total)
        log_center = ops.log(fixed_total)[..., None] - ops.log(fixed)
        rests = 0.5 * ops.log(a) - stirling_rest(a) + log_center
        constant = ops.sum(rests, axis=-1) + (stirling_rest(total) - 0.5 * ops.log(total))

        # 0 is outside where the density vanishes there: its logarithm has an infinite slope.
        outside = ops.logical_or(value < 0, value > 2)
        outside = ops.logical_or(outside, ops.logical_and(value <= 0, a > 1))
        ratio = ops.where(outside, 1.0, value * (fixed_total[..., None] / fixed))
        log_prob = ops.sum(ops.xlogy(a - 1.0, ratio), axis=-1) + constant
        return ops.where(ops.any(outside, axis=-1), -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self.concentration / self._total()[..., None]

    def variance(self) -> Tensor:
        total = self._total()[..., None]
        share = self.concentration / total
        return share * ((total - self.concentration) / total) / (total + 1.0)

    def covariance(self) -> Tensor:
        r"""Covariance, $(\delta_{ij} m_i - m_i m_j) / (\alpha_0 + 1)$, of shape (..., K, K)."""
        mean, scale = self.mean(), 1.0 / (self._total() + 1.0)[..., None]
        outer = -mean[..., :, None] * (mean * scale)[..., None, :]
        return outer + (mean * scale)[..., None] * ops.eye(self._size, dtype=self.dtype)

    def mode(self) -> Tensor:
        """The place of the largest density.

        NaN where there is no single one: an entry of `concentration` is below 1, or all are 1.
        """
        excess = self.concentration - 1.0
        total = ops.sum(excess, axis=-1, keepdims=True)
        lowest = ops.min(excess, axis=-1, keepdims=True)
        single = ops.logical_and(lowest >= 0, total > 0)
        mode = excess / ops.where(single, total, ops.ones_like(total))
        return ops.where(single, mode, ops.full_like(mode, math.nan))

    def entropy(self) -> Tensor:
        # log B(α) + (α0 - K) ψ(α0) - Σ (αi - 1) ψ(αi), without what is large.
        a, total, count = self.concentration, self._total(), self._count()
        each = 0.5 * ops.log(a) + stirling_rest(a) + (a - 1.0) * log_minus_digamma(a)
        whole = stirling_rest(total) + (total - count) * log_minus_digamma(total)
        return ops.sum(each, axis=-1) - whole - (count - 0.5) * ops.log(total)

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form for its {what}; one entry i by itself is "
            "Beta(concentration[..., i], the sum of the others). Or estimate it from samples: "
            "sample((1000,), seed=...)."
        )
