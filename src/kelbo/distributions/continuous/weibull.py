"""The Weibull distribution."""

import math

import numpy as np
from scipy import special

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import between, largest, outside_half_line, without
from kelbo.ops.special.positive_exp import positive_exp
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_EULER_GAMMA = float(np.euler_gamma)
# log Γ(1 + 2 t) - 2 log Γ(1 + t) in powers of t, from t^2 on; a difference of nearly equal numbers
# below a tenth, where these terms have 14 digits.
_LOG_GAMMA_RATIO = tuple(float((-1) ** n * special.zeta(n) / n * (2**n - 2)) for n in range(2, 24))
_SERIES_BELOW = 0.1


def _log_gamma_ratio(t):
    """The logarithm of Γ(1 + 2 t) / Γ(1 + t)^2."""
    near = t < _SERIES_BELOW
    small, far = ops.where(near, t, 0.0), ops.where(near, 1.0, t)
    series = ops.zeros_like(t)
    for coefficient in reversed(_LOG_GAMMA_RATIO):
        series = coefficient + small * series
    direct = ops.lgamma(1.0 + 2.0 * far) - 2.0 * ops.lgamma(1.0 + far)
    return ops.where(near, ops.square(small) * series, direct)


@registered
class Weibull(Distribution):
    r"""Weibull distribution: of a lifetime whose risk grows or falls as a power of the age.

    $$p(x) = \frac{k}{\lambda} \left(\frac{x}{\lambda}\right)^{k - 1}
             \exp\left(-\left(\frac{x}{\lambda}\right)^k\right), \qquad x \ge 0$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 21.)
    At 0 the density is infinite for $k < 1$ and $1 / \lambda$ for $k = 1$. A draw that is too small
    or too large for its dtype becomes the nearest number that is not.

    Args:
        concentration: Shape $k > 0$; 1 is the exponential distribution.
        scale: $\lambda > 0$; a share $1 - 1 / e$ of the mass lies below it. Broadcasts against
            `concentration`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A parameter is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Weibull
        >>> float(Weibull(1.0, 2.0).log_prob(0.0))
        -0.6931...
    """

    parameters = {"concentration": constraints.positive, "scale": constraints.positive}
    support = constraints.nonnegative
    regular_support = constraints.positive
    reparameterized = True

    def __init__(
        self,
        concentration: ArrayLike,
        scale: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(concentration=concentration, scale=scale, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        log_z = -ops.random.gumbel(shape, self.dtype, seed) / self.concentration
        return positive_exp(ops.log(self.scale) + log_z)

    def _log_prob(self, value):
        k, log_scale = self.concentration, ops.log(self.scale)
        outside = outside_half_line(value)
        value = without(outside, value)
        edge = ops.equal(value, 0)
        log_z = self._log_ratio(ops.where(edge, 1.0, value), log_scale)
        log_constant = ops.log(k) - log_scale
        log_prob = log_constant + (k - 1.0) * log_z - ops.exp(k * log_z)
        # At 0, where the logarithm is infinite, only k = 1 has a finite density.
        bend = ops.where(k < 1, math.inf, -math.inf)
        slope = ops.ratio(ops.where(edge, value, 0.0), self.scale)
        at_zero = ops.where(ops.equal(k, 1), log_constant - slope, bend)
        return ops.where(outside, -math.inf, ops.where(edge, at_zero, log_prob))

    def _log_ratio(self, value, log_scale):
        """The logarithm of value / scale, also where the ratio leaves the dtype."""
        kind = np.finfo(self.dtype)
        least = ops.maximum(self.scale, 1.0) * float(kind.tiny)
        most = ops.minimum(self.scale, 1.0) * float(kind.max)
        # Elsewhere by the ratio: a difference of logarithms has fewer digits.
        far = ops.logical_or(value < least, value > most)
        ratio = value / ops.where(far, 1.0, self.scale)
        by_ratio = ops.log(ratio) - ops.where(far, log_scale, 0.0)
        # The gradients are those of the difference: of the ratio they pass through ratio / scale,
        # which may underflow where the ratio does not.
        by_logs = ops.log(value) - log_scale
        return by_logs + ops.stop_gradient(by_ratio - by_logs)

    def mean(self) -> Tensor:
        return self._broadcast(self.scale * ops.exp(ops.lgamma(1.0 + 1.0 / self.concentration)))

    def variance(self) -> Tensor:
        return ops.square(self.mean()) * ops.expm1(_log_gamma_ratio(1.0 / self.concentration))

    def mode(self) -> Tensor:
        k = self.concentration
        bent = k > 1
        safe = ops.where(bent, k, 2.0)
        return self._broadcast(
            ops.where(bent, self.scale * ops.exp(ops.log1p(-1.0 / safe) / safe), 0.0)
        )

    def entropy(self) -> Tensor:
        k = self.concentration
        return self._broadcast(_EULER_GAMMA * (1.0 - 1.0 / k) + ops.log(self.scale / k) + 1.0)

    def cdf(self, value: ArrayLike) -> Tensor:
        value = self._as_value(value)
        infinite = value > largest(value)
        value = between(ops.where(infinite, 1.0, value), 0.0, math.inf)
        edge = ops.equal(value, 0)
        log_z = self._log_ratio(ops.where(edge, 1.0, value), ops.log(self.scale))
        below = -ops.expm1(-ops.exp(self.concentration * log_z))
        # At 0, where the logarithm is infinite, by the power that it is there.
        z = ops.ratio(ops.where(edge, value, 1.0), self.scale)
        below = ops.where(edge, ops.power(z, self.concentration), below)
        return ops.where(infinite, 1.0, below)

    def quantile(self, probability: ArrayLike) -> Tensor:
        hazard = -ops.log1p(-self._as_value(probability))
        log_z = ops.log(hazard) / self.concentration
        # Where the ratio leaves the dtype, the product with the scale need not.
        far = ops.abs(log_z) > 80.0
        near = self.scale * ops.exp(ops.where(far, 0.0, log_z))
        return ops.where(far, ops.exp(ops.where(far, log_z, 0.0) + ops.log(self.scale)), near)
