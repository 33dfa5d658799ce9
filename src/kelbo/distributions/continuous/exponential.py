"""The exponential distribution."""

import math

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import between, outside_half_line, without
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Exponential(Distribution):
    r"""Exponential distribution: of a waiting time without memory.

    $$p(x) = \lambda e^{-\lambda x}, \qquad x \ge 0$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 19.)

    Args:
        rate: $\lambda > 0$, the inverse of the mean.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `rate` is not positive.

    Example:
        >>> from kelbo.distributions import Exponential
        >>> float(Exponential(2.0).log_prob(0.0))
        0.6931...
    """

    parameters = {"rate": constraints.positive}
    support = constraints.nonnegative
    reparameterized = True

    def __init__(self, rate: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(rate=rate, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        return ops.random.exponential(shape, self.dtype, seed) / self.rate

    def _log_prob(self, value):
        outside = outside_half_line(value)
        log_prob = ops.log(self.rate) - self.rate * without(outside, value)
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return 1.0 / self.rate

    def variance(self) -> Tensor:
        return ops.square(self.mean())

    def stddev(self) -> Tensor:
        return self.mean()

    def mode(self) -> Tensor:
        return ops.zeros_like(self.rate)

    def entropy(self) -> Tensor:
        return 1.0 - ops.log(self.rate)

    def cdf(self, value: ArrayLike) -> Tensor:
        return -ops.expm1(-self.rate * between(self._as_value(value), 0.0, math.inf))

    def quantile(self, probability: ArrayLike) -> Tensor:
        return -ops.log1p(-self._as_value(probability)) / self.rate
