"""The Bernoulli distribution."""

import keras

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Bernoulli(OfOdds):
    r"""Bernoulli distribution of 0 or 1.

    $$p(x) = \pi^x (1 - \pi)^{1 - x}, \qquad
      \log p(x) = x\,\eta - \log(1 + e^\eta), \quad \eta = \log\frac{\pi}{1 - \pi}$$

    `log_prob` also takes values between 0 and 1 and returns the same expression, the negative
    binary cross-entropy. That is not a density over [0, 1]: for real-valued pixels the likelihood
    is `ContinuousBernoulli`.

    (Johnson, Kemp and Kotz, 2005, "Univariate discrete distributions", ch. 3.)

    Args:
        logits: Log odds $\eta$. Exact in the tails.
        probs: Probability $\pi$ of a 1, from 0 to 1. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, or a probability outside [0, 1].

    Example:
        >>> from kelbo.distributions import Bernoulli
        >>> float(Bernoulli(probs=0.25).log_prob(1))
        -1.3862...
    """

    parameters = {"logits": constraints.real, "probs": constraints.unit_interval}
    support = constraints.boolean

    def _sample(self, shape, seed):
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        return ops.cast(uniform < self.probs, self.dtype)

    def _log_prob(self, value):
        if self._by_logits:
            return value * self.logits - ops.softplus(self.logits)
        return ops.xlogy(value, self.probs) + ops.xlog1py(1.0 - value, -self.probs)

    def mean(self) -> Tensor:
        return self._broadcast(self.probs)

    def mode(self) -> Tensor:
        return ops.cast(self.probs > 0.5, self.dtype)

    def variance(self) -> Tensor:
        return self.probs * self._odds.complement()

    def entropy(self) -> Tensor:
        if self._by_logits:
            # Two terms that are not negative: nothing cancels in the tails.
            return self.probs * ops.softplus(-self.logits) + self._odds.complement() * ops.softplus(
                self.logits
            )
        return -ops.xlogy(self.probs, self.probs) - ops.xlog1py(1.0 - self.probs, -self.probs)

    def cdf(self, value: ArrayLike) -> Tensor:
        value = self._as_value(value)
        below_one = ops.where(value < 0, ops.zeros_like(self.probs), self._odds.complement())
        return ops.where(value < 1, below_one, ops.ones_like(self.probs))

    def quantile(self, probability: ArrayLike) -> Tensor:
        return ops.cast(self._as_value(probability) > self._odds.complement(), self.dtype)
