"""The half-normal distribution."""

import math

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import between, outside_half_line, without
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_HALF_LOG_HALF_PI = 0.5 * math.log(0.5 * math.pi)
# The quantile function in odd powers of w = u sqrt(pi / 2): w + w^3 / 6 + 7 w^5 / 120 + ...; below
# a twentieth, where the normal one would be asked for what is next to its zero.
_QUANTILE_SERIES = (1.0, 1 / 6, 7 / 120, 127 / 5040, 4369 / 362880, 34807 / 5702400)
_SERIES_BELOW = 0.05


@registered
class HalfNormal(Distribution):
    r"""Half-normal distribution: of the absolute value of a normal number of mean 0.

    $$p(x) = \sqrt{\frac{2}{\pi}} \frac{1}{\sigma}
             \exp\left(-\frac{x^2}{2\sigma^2}\right), \qquad x \ge 0$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 13;
    there, as a chi distribution of one degree of freedom, ch. 18.)

    Args:
        scale: $\sigma > 0$, the standard deviation of the normal number, not of its absolute value.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive.

    Example:
        >>> from kelbo.distributions import HalfNormal
        >>> float(HalfNormal(1.0).log_prob(0.0))
        -0.2257...
    """

    parameters = {"scale": constraints.positive}
    support = constraints.nonnegative
    reparameterized = True

    def __init__(self, scale: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(scale=scale, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        return self.scale * ops.abs(keras.random.normal(shape, dtype=self.dtype, seed=seed))

    def _log_prob(self, value):
        outside = outside_half_line(value)
        z = ops.ratio(without(outside, value), self.scale)
        log_prob = -0.5 * ops.square(z) - (ops.log(self.scale) + _HALF_LOG_HALF_PI)
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2.0 / math.pi)

    def variance(self) -> Tensor:
        return ops.square(self.scale) * (1.0 - 2.0 / math.pi)

    def mode(self) -> Tensor:
        return ops.zeros_like(self.scale)

    def entropy(self) -> Tensor:
        return ops.log(self.scale) + (0.5 + _HALF_LOG_HALF_PI)

    def cdf(self, value: ArrayLike) -> Tensor:
        z = ops.ratio(between(self._as_value(value), 0.0, math.inf), self.scale)
        return ops.erf(z * math.sqrt(0.5))

    def quantile(self, probability: ArrayLike) -> Tensor:
        u = self._as_value(probability)
        near = u < _SERIES_BELOW
        w = ops.where(near, u, 0.0) * math.sqrt(0.5 * math.pi)
        series = ops.zeros_like(w)
        for coefficient in reversed(_QUANTILE_SERIES):
            series = coefficient + ops.square(w) * series
        far = -ops.normal_quantile(0.5 * (1.0 - ops.where(near, 0.5, u)))
        return self.scale * ops.where(near, w * series, far)
