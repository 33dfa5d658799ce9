"""The Poisson distribution."""

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.counts import (
    distribution_function,
    is_no_count,
    log_poisson_mass,
    minus_infinity_where,
)
from kelbo.ops.special.outside import without
from kelbo.parameters import constraints, exactly_one
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Poisson(Distribution):
    r"""Poisson distribution of a count.

    $$p(k) = \frac{r^k e^{-r}}{k!}, \qquad k = 0, 1, 2, \dots$$

    Counts are whole numbers of the distribution's dtype. The log mass keeps its digits at counts of
    millions in float32, where $k \log r - r - \log k!$ has none left. There is no closed form for
    the entropy and the quantiles. The largest rate that can be drawn from on JAX is 1e9.

    (Johnson, Kemp and Kotz, 2005, "Univariate discrete distributions", ch. 4.)

    Args:
        rate: Expected count $r \ge 0$.
        log_rate: Its logarithm. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `rate` and `log_rate`, or a negative rate.

    Example:
        >>> from kelbo.distributions import Poisson
        >>> float(Poisson(rate=2.0).log_prob(0))
        -2.0
    """

    parameters = {"rate": constraints.nonnegative, "log_rate": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(
        self,
        rate: ArrayLike | None = None,
        log_rate: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        given = exactly_one(type(self).__name__, rate=rate, log_rate=log_rate)
        super().__init__(**given, dtype=dtype, validate=validate)
        self._by_rate = "rate" in given
        if self._by_rate:
            self.log_rate = ops.log(self.rate)
        else:
            self.rate = ops.exp(self.log_rate)

    def _sample(self, shape, seed):
        return ops.random.poisson(shape, self.rate, dtype=self.dtype, seed=seed)

    def _log_prob(self, value):
        outside = is_no_count(value)
        value = without(outside, value)
        if self._by_rate:
            never = ops.logical_and(ops.equal(self.rate, 0), value > 0)
            outside = ops.logical_or(outside, never)
        log_prob = log_poisson_mass(value, self.rate, self.finite_log_rate())
        return minus_infinity_where(outside, log_prob)

    def finite_log_rate(self) -> Tensor:
        """The logarithm of the rate; 0, with a gradient of 0, for a rate of 0."""
        if not self._by_rate:
            return self.log_rate
        never = ops.equal(self.rate, 0)
        return ops.log(ops.where(never, ops.ones_like(self.rate), self.rate))

    def mean(self) -> Tensor:
        return self.rate

    def variance(self) -> Tensor:
        return self.rate

    def mode(self) -> Tensor:
        """The rate rounded down; a whole rate less 1 is as probable."""
        return ops.floor(self.rate)

    def cdf(self, value: ArrayLike) -> Tensor:
        return distribution_function(
            self._as_value(value), lambda count: ops.gammaincc(count + 1.0, self.rate)
        )
