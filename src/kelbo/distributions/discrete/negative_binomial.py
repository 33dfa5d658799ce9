"""The negative binomial distribution."""

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.seeds import several_seeds
from kelbo.ops.special.counts import (
    distribution_function,
    is_no_count,
    log_binomial_mass,
    minus_infinity_where,
)
from kelbo.ops.special.outside import without
from kelbo.ops.special.positive_exp import positive_exp
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class NegativeBinomial(OfOdds):
    r"""Negative binomial distribution: the number of successes before `total_count` failures.

    $$p(k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)}\, \pi^k (1 - \pi)^r, \qquad k = 0, 1, 2, \dots$$

    As in TensorFlow Probability and PyTorch, $\pi$ is the probability of what is counted; in SciPy
    and NumPy it is $1 - \pi$. It is a Poisson distribution whose rate follows a gamma distribution
    of concentration $r$ and rate $(1 - \pi) / \pi$: for a mean $\mu$ and the inverse dispersion
    $r$, give `logits` = $\log \mu - \log r$. Counts are whole numbers of the distribution's dtype.
    The log mass keeps its digits at large counts and large $r$ in float32. A draw that is too large
    for its dtype is near its largest number. There is no closed form for the entropy and the
    quantiles.

    (Johnson, Kemp and Kotz, 2005, "Univariate discrete distributions", ch. 5.)

    Args:
        total_count: Number of failures $r > 0$; need not be whole.
        logits: Log odds of a success. Exact in the tails.
        probs: Probability $\pi$ of a success, at least 0 and less than 1. Give one of the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, a probability outside [0, 1), or a
            `total_count` that is not positive.

    Example:
        >>> from kelbo.distributions import NegativeBinomial
        >>> float(NegativeBinomial(total_count=3.0, probs=0.25).mean())
        1.0
    """

    parameters = {
        "total_count": constraints.positive,
        "logits": constraints.real,
        "probs": constraints.Interval(
            "at least 0 and less than 1",
            lambda x: ops.logical_and(x >= 0, x < 1),
            low=0.0,
            high=1.0,
        ),
    }
    support = constraints.nonnegative_integer

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

    def _log_ratio(self):
        if self._odds.may_be_certain:
            return ops.log(self._odds.odds())
        return self.logits

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        log_gamma = ops.random.log_gamma(shape, self.total_count, dtype=self.dtype, seed=seeds)
        rate = positive_exp(log_gamma + self._log_ratio())
        return ops.random.poisson(shape, rate, dtype=self.dtype, seed=seeds)

    def _log_prob(self, value):
        outside = is_no_count(value)
        value = without(outside, value)
        if self._odds.may_be_certain:
            never = ops.logical_and(self._odds.is_never(), value > 0)
            outside = ops.logical_or(outside, never)
        # The last trial is a failure: r / (k + r) of all orders of k successes and r failures.
        orders = log_binomial_mass(value, self.total_count, self._odds)
        return minus_infinity_where(outside, orders - ops.log1p(value / self.total_count))

    def mean(self) -> Tensor:
        return self.total_count * self._odds.odds()

    def variance(self) -> Tensor:
        return self.mean() / self._odds.complement()

    def mode(self) -> Tensor:
        """The largest of the most probable counts."""
        above = self.total_count > 1.0
        # Where it is 0 the ratio may be infinite.
        mode = (self.total_count - 1.0) * ops.where(above, self._odds.odds(), 0.0)
        return ops.where(above, ops.floor(mode), 0.0)

    def cdf(self, value: ArrayLike) -> Tensor:
        def below(count):
            return ops.betainc(self.total_count, count + 1.0, self._odds.complement())

        return distribution_function(self._as_value(value), below)
