"""The relaxed Bernoulli distribution."""

import numpy as np

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.special.counts import minus_infinity_where
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class RelaxedBernoulli(OfOdds):
    r"""Relaxed Bernoulli distribution over (0, 1): a Bernoulli with pathwise gradients.

    $$x = \sigma\left(\frac{\eta + L}{\lambda}\right), \qquad
      \log p(x) = \log\lambda - t - 2 \log(1 + e^{-t}) - \log x - \log(1 - x), \quad
      t = \lambda \log\frac{x}{1 - x} - \eta$$

    with logistic noise $L$ (Maddison, Mnih and Teh, 2017, "The concrete distribution", appendix B).
    Rounded, it is the Bernoulli distribution of log odds $\eta$; as the temperature $\lambda$ goes
    to 0 it becomes that. Samples are kept within the open interval, where rounding would bring them
    to 0 or 1. There is no closed form for mean, variance, mode and entropy.

    Args:
        temperature: $\lambda > 0$. Above 1 the density has one peak, below 1 it rises to both ends.
        logits: Log odds $\eta$. Exact in the tails.
        probs: Probability of more than 1/2, between 0 and 1, both excluded. Give one of the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, a probability outside (0, 1), or a
            temperature that is not positive.

    Example:
        >>> from kelbo.distributions import RelaxedBernoulli
        >>> float(RelaxedBernoulli(temperature=1.0, probs=0.5).log_prob(0.3))
        0.0
    """

    parameters = {
        "temperature": constraints.positive,
        "logits": constraints.real,
        "probs": constraints.open_unit_interval,
    }
    support = constraints.open_unit_interval
    reparameterized = True

    def __init__(
        self,
        temperature: ArrayLike,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self._take(logits, probs, dtype, validate, temperature=temperature)

    def _squash(self, x):
        limits = np.finfo(self.dtype)
        return ops.clip(ops.sigmoid(x), float(limits.tiny), 1.0 - float(limits.epsneg))

    def _sample(self, shape, seed):
        noise = ops.random.logistic(shape, dtype=self.dtype, seed=seed)
        return self._squash((self.logits + noise) / self.temperature)

    def _log_prob(self, value):
        outside = ops.logical_or(value <= 0, value >= 1)
        value = ops.where(outside, ops.full_like(value, 0.5), value)
        log_x, log_rest = ops.log(value), ops.log1p(-value)
        t = self.temperature * (log_x - log_rest) - self.logits
        log_prob = ops.log(self.temperature) - t - 2.0 * ops.softplus(-t) - (log_x + log_rest)
        return minus_infinity_where(outside, log_prob)

    def cdf(self, value: ArrayLike) -> Tensor:
        value = self._as_value(value)
        outside = ops.logical_or(value <= 0, value >= 1)
        logit = ops.logit(ops.where(outside, 0.5, value))
        share = ops.sigmoid(self.temperature * logit - self.logits)
        return ops.where(outside, ops.cast(value > 0.5, self.dtype), share)

    def quantile(self, probability: ArrayLike) -> Tensor:
        noise = ops.logit(self._as_value(probability))
        return ops.sigmoid((self.logits + noise) / self.temperature)
