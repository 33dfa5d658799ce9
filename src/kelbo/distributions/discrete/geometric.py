"""The geometric distribution."""

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.special.counts import (
    distribution_function,
    is_no_count,
    minus_infinity_where,
)
from kelbo.ops.special.outside import without
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Geometric(OfOdds):
    r"""Geometric distribution: the number of failures before the first success.

    $$p(k) = \pi (1 - \pi)^k, \qquad k = 0, 1, 2, \dots$$

    As in TensorFlow Probability; SciPy counts the success too. Counts are whole numbers of the
    distribution's dtype.

    (Johnson, Kemp and Kotz, 2005, "Univariate discrete distributions", ch. 5.)

    Args:
        logits: Log odds of a success. Exact in the tails.
        probs: Probability $\pi$ of a success, greater than 0 and at most 1. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, or a probability outside (0, 1].

    Example:
        >>> from kelbo.distributions import Geometric
        >>> float(Geometric(probs=0.25).mean())
        3.0
    """

    parameters = {
        "logits": constraints.real,
        "probs": constraints.Interval(
            "greater than 0 and at most 1",
            lambda x: ops.logical_and(x > 0, x <= 1),
            low=0.0,
            high=1.0,
        ),
    }
    support = constraints.nonnegative_integer

    def _count_where(self, log_survival):
        """The smallest count above which less than this share of the mass is left."""
        log_complement = self._odds.log_complement()
        if self._odds.may_be_certain:
            always = self._odds.is_always()
            log_complement = ops.where(always, -ops.ones_like(log_complement), log_complement)
        count = ops.maximum(ops.ceil(log_survival / log_complement) - 1.0, 0.0)
        return without(always, count) if self._odds.may_be_certain else count

    def _sample(self, shape, seed):
        log_uniform = -ops.random.exponential(shape, dtype=self.dtype, seed=seed)
        return ops.stop_gradient(self._count_where(log_uniform))

    def _log_prob(self, value):
        outside = is_no_count(value)
        value = without(outside, value)
        if self._odds.may_be_certain:
            always = ops.logical_and(self._odds.is_always(), value > 0)
            outside = ops.logical_or(outside, always)
        log_prob = self._odds.log_probs() + value * self._odds.log_complement()
        return minus_infinity_where(outside, log_prob)

    def mean(self) -> Tensor:
        if self._odds.may_be_certain:
            return self._odds.complement() / self.probs
        return ops.exp(-self.logits)

    def variance(self) -> Tensor:
        return self.mean() / self.probs

    def mode(self) -> Tensor:
        return ops.zeros_like(self.probs)

    def entropy(self) -> Tensor:
        return self._odds.entropy() / self.probs

    def cdf(self, value: ArrayLike) -> Tensor:
        def below(count):
            share = -ops.expm1((count + 1.0) * self._odds.log_complement())
            return ops.where(self._odds.is_always(), ops.ones_like(share), share)

        return distribution_function(self._as_value(value), below)

    def quantile(self, probability: ArrayLike) -> Tensor:
        return self._count_where(ops.log1p(-self._as_value(probability)))
