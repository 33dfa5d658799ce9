"""The logistic distribution."""

import math
from typing import Any

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import is_infinite, without
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class Logistic(Distribution):
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

    parameters = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    reparameterized = True

    def __init__(self, loc: Any, scale: Any, *, dtype: str | None = None, validate: bool = True):
        super().__init__(loc=loc, scale=scale, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        return self.loc + self.scale * ops.random.logistic(shape, self.dtype, seed)

    def _log_prob(self, value):
        # The density is even: by the absolute value no exponential overflows.
        infinite = is_infinite(value)
        distance = without(infinite, value) - self.loc
        size = ops.abs(ops.ratio(distance, self.scale))
        log_prob = -size - 2.0 * ops.log1p(ops.exp(-size)) - ops.log(self.scale)
        return ops.where(infinite, -math.inf, log_prob)

    def mean(self) -> Any:
        return self._broadcast(self.loc)

    def mode(self) -> Any:
        return self.mean()

    def variance(self) -> Any:
        return self._broadcast(ops.square(self.scale) * (math.pi**2 / 3.0))

    def entropy(self) -> Any:
        return self._broadcast(2.0 + ops.log(self.scale))

    def cdf(self, value: Any) -> Any:
        return ops.sigmoid(ops.ratio(self._as_value(value) - self.loc, self.scale))

    def quantile(self, probability: Any) -> Any:
        return self.loc + self.scale * ops.logit(self._as_value(probability))
