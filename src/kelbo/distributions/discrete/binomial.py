"""The binomial distribution."""

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.special.counts import (
    distribution_function,
    is_no_count,
    log_binomial_mass,
    minus_infinity_where,
)
from kelbo.ops.special.outside import without
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Binomial(OfOdds):
    r"""Binomial distribution: the number of successes among independent trials.

    $$p(k) = \binom{n}{k} \pi^k (1 - \pi)^{n - k}, \qquad k = 0, \dots, n$$

    Counts are whole numbers of the distribution's dtype. The log mass keeps its digits at millions
    of trials in float32, where a sum of log factorials has none left. There is no closed form for
    the entropy and the quantiles.

    (Johnson, Kemp and Kotz, 2005, "Univariate discrete distributions", ch. 3.)

    Args:
        total_count: Number of trials $n$, whole and at least 0.
        logits: Log odds of a success. Exact in the tails.
        probs: Probability $\pi$ of a success, from 0 to 1. Give one of the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, a probability outside [0, 1], or a
            number of trials that is not whole or is negative.

    Example:
        >>> from kelbo.distributions import Binomial
        >>> float(Binomial(total_count=2, probs=0.5).log_prob(1))  # log 1/2
        -0.693...
    """

    parameters = {
        "total_count": constraints.nonnegative_integer,
        "logits": constraints.real,
        "probs": constraints.unit_interval,
    }

    def __init__(
        self,
        total_count: ArrayLike,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self._take(logits, probs, dtype, validate, total_count=total_count)

    @property
    def support(self) -> Constraint:
        """The whole numbers from 0 to `total_count`."""
        return constraints.integer_interval(0, self.total_count)

    def _sample(self, shape, seed):
        return ops.random.binomial(shape, self.total_count, self.probs, dtype=self.dtype, seed=seed)

    def _log_prob(self, value):
        outside = is_no_count(value, self.total_count)
        value = without(outside, value)
        failures = self.total_count - value
        if self._odds.may_be_certain:
            never = ops.logical_and(self._odds.is_never(), value > 0)
            always = ops.logical_and(self._odds.is_always(), failures > 0)
            outside = ops.logical_or(outside, ops.logical_or(never, always))
        return minus_infinity_where(outside, log_binomial_mass(value, failures, self._odds))

    def mean(self) -> Tensor:
        return self.total_count * self.probs

    def variance(self) -> Tensor:
        return self.total_count * (self.probs * self._odds.complement())

    def mode(self) -> Tensor:
        """The largest of the most probable counts."""
        return ops.minimum(ops.floor((self.total_count + 1.0) * self.probs), self.total_count)

    def cdf(self, value: ArrayLike) -> Tensor:
        def below(count):
            # Where nothing is below the number of trials, the result is not used.
            failures = ops.maximum(self.total_count - count, 1.0)
            return ops.betainc(failures, count + 1.0, self._odds.complement())

        return distribution_function(self._as_value(value), below, self.total_count)
