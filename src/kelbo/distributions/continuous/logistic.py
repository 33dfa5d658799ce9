"""The logistic distribution."""

import math

from kelbo import ops
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.ops.special.outside import is_infinite, without
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered
class Logistic(LocationScaleFamily):
    r"""Logistic distribution of a number: its distribution function is a sigmoid.

    $$p(x) = \frac{e^{-z}}{s\, (1 + e^{-z})^2}, \qquad z = \frac{x - \mu}{s}$$

    (Johnson, Kotz and Balakrishnan, 1995, "Continuous univariate distributions", vol. 2, ch. 23.)

    Args:
        loc: Mean, median and mode $\mu$.
        scale: $s > 0$; the standard deviation is $s \pi / \sqrt{3}$. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Logistic
        >>> float(Logistic(0.0, 1.0).log_prob(0.0))
        -1.3862...
    """

    def _standard_draws(self, shape, seed):
        return ops.random.logistic(shape, self.dtype, seed)

    def _log_prob(self, value):
        # The density is even: by the absolute value no exponential overflows.
        infinite = is_infinite(value)
        size = ops.abs(self._standardized(without(infinite, value)))
        log_prob = -size - 2.0 * ops.log1p(ops.exp(-size)) - ops.log(self.scale)
        return ops.where(infinite, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self._broadcast(self.loc)

    def variance(self) -> Tensor:
        return self._broadcast(ops.square(self.scale) * (math.pi**2 / 3.0))

    def entropy(self) -> Tensor:
        return self._broadcast(2.0 + ops.log(self.scale))

    def _standard_cdf(self, z):
        return ops.sigmoid(z)

    def _standard_quantile(self, probability):
        return ops.logit(probability)
