"""The probability of a success, given as it is or as log odds, with what follows from it."""

import math

import keras
import numpy as np

from kelbo.ops import elementary as ops
from kelbo.ops.special.bregman import mass_excess
from kelbo.ops.special.logarithms import logit
from kelbo.ops.special.ratio import ratio
from kelbo.ops.special.saturating import expm1, sigmoid
from kelbo.ops.special.softplus import softplus
from kelbo.typing import Tensor


class Odds:
    r"""A probability $\pi$, given by itself or by its log odds $\log(\pi / (1 - \pi))$.

    From log odds every number is exact in both tails: no probability is ever subtracted from 1.

    Args:
        logits: Log odds, a tensor.
        probs: The probability, a tensor. Give one of the two.

    Attributes:
        logits: Log odds; not finite for the probabilities 0 and 1.
        probs: The probability.
        may_be_certain: Whether probabilities of exactly 0 and 1 can occur.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.special.odds import Odds
        >>> float(Odds(probs=ops.convert_to_tensor(0.25)).complement())
        0.75
    """

    def __init__(self, logits: Tensor | None = None, probs: Tensor | None = None):
        self.may_be_certain = logits is None
        self.logits = logit(probs) if logits is None else logits
        self.probs = sigmoid(logits) if probs is None else probs

    def complement(self) -> Tensor:
        r"""The probability of a failure, $1 - \pi$."""
        return 1.0 - self.probs if self.may_be_certain else sigmoid(-self.logits)

    def odds(self) -> Tensor:
        """The probability of a success per that of a failure."""
        if self.may_be_certain:
            return ratio(self.probs, self.complement())
        return ops.exp(self.logits)

    def log_probs(self) -> Tensor:
        r"""$\log \pi$; 0, with a gradient of 0, where $\pi = 0$: see `is_never`."""
        if self.may_be_certain:
            return ops.log(ops.where(self.is_never(), ops.ones_like(self.probs), self.probs))
        return -softplus(-self.logits)

    def log_complement(self) -> Tensor:
        r"""$\log(1 - \pi)$; 0, with a gradient of 0, where $\pi = 1$: see `is_always`."""
        if self.may_be_certain:
            safe = ops.where(self.is_always(), ops.zeros_like(self.probs), self.probs)
            return ops.log1p(-safe)
        return -softplus(self.logits)

    def is_never(self) -> Tensor:
        r"""Where $\pi$ is 0."""
        return ops.equal(self.probs, 0)

    def is_always(self) -> Tensor:
        r"""Where $\pi$ is 1."""
        return ops.equal(self.probs, 1)

    def entropy(self) -> Tensor:
        """Entropy of one trial in nats: two terms that are not negative, so nothing cancels."""
        return -(self.probs * self.log_probs() + self.complement() * self.log_complement())

    def divergence(self, other: "Odds") -> Tensor:
        """Kullback-Leibler divergence in nats of one trial under `other` from one under this."""
        masses = (self.probs, self.complement()), (other.probs, other.complement())
        return sum(self._excesses(other, *masses))

    def divergence_per_success(self, other: "Odds") -> Tensor:
        """The same over the probability of a success here, which may be tiny: see `divergence`."""
        if self.may_be_certain:
            q = self.probs
            own = ops.ones_like(q), self.complement()
            others = ratio(other.probs, q), other.complement()
            one, zero = self._excesses(other, own, others)
            return one + ratio(zero, q)
        odds = _finite_exp(-self.logits)
        one, zero = ops.exp(self._log_ratio(other)), ops.exp(self._log_ratio_of_complements(other))
        return sum(self._excesses(other, (ops.ones_like(odds), odds), (one, odds * zero)))

    def divergence_per_failure(self, other: "Odds") -> Tensor:
        """The same over the probability of a failure here, which may be tiny: see `divergence`."""
        if self.may_be_certain:
            not_q = self.complement()
            own = ratio(self.probs, not_q), ops.ones_like(not_q)
            others = ratio(other.probs, not_q), ratio(other.complement(), not_q)
            return sum(self._excesses(other, own, others))
        odds = _finite_exp(self.logits)
        one, zero = ops.exp(self._log_ratio(other)), ops.exp(self._log_ratio_of_complements(other))
        return sum(self._excesses(other, (odds, ops.ones_like(odds)), (odds * one, zero)))

    def _excesses(self, other, masses, other_masses):
        """What each outcome adds, by masses that are proportional to its probabilities."""
        # Neither is negative: nothing cancels where the two are close.
        one = mass_excess(masses[0], other_masses[0], self._log_ratio(other))
        zero = mass_excess(masses[1], other_masses[1], self._log_ratio_of_complements(other))
        if other.may_be_certain:
            infinity, not_q = float("inf"), self.complement()
            one = ops.where(ops.logical_and(other.is_never(), self.probs > 0), infinity, one)
            zero = ops.where(ops.logical_and(other.is_always(), not_q > 0), infinity, zero)
        return one, zero

    def _log_ratio(self, other):
        """The logarithm of the other probability over this one."""
        far = other.log_probs() - self.log_probs()
        if self.may_be_certain and other.may_be_certain:
            return _log_ratio_by_difference(self.probs, other.probs - self.probs, far)
        return _log_ratio_by_logits(other.logits - self.logits, other.complement(), far)

    def _log_ratio_of_complements(self, other):
        far = other.log_complement() - self.log_complement()
        if self.may_be_certain and other.may_be_certain:
            return _log_ratio_by_difference(self.complement(), self.probs - other.probs, far)
        return _log_ratio_by_logits(self.logits - other.logits, other.probs, far)


def _finite_exp(x):
    """The exponential, or a number near the largest of the dtype: what is multiplied by 0 is 0."""
    most = math.log(float(np.finfo(keras.backend.standardize_dtype(x.dtype)).max)) - 1.0
    return ops.exp(ops.minimum(x, most))


def _log_ratio_by_difference(probability, difference, far):
    near = ops.abs(difference) < 0.5 * probability
    change = ratio(ops.where(near, difference, 0.0), ops.where(near, probability, 1.0))
    return ops.where(near, ops.log1p(change), far)


def _log_ratio_by_logits(difference, complement, far):
    # The ratio is 1 + (e^d - 1) times the complement of the other.
    near = ops.abs(difference) < 1.0
    change = expm1(ops.where(near, difference, 0.0)) * complement
    return ops.where(near, ops.log1p(change), far)
