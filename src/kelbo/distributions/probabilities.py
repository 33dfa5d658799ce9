"""Families of a probability, or of several: given as they are, or by their logits."""

import abc

from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.odds import Odds
from kelbo.parameters import exactly_one
from kelbo.typing import ArrayLike, Tensor


class OfProbabilities(Distribution):
    """A distribution that takes `logits` or `probs`, and has both.

    A subclass declares the two in `parameters` and writes `_logits_and_probs`. One with further
    parameters has a constructor of its own, which hands them to `_take`.

    Args:
        logits: Log odds, or log probabilities up to a constant.
        probs: The probability, or those of all classes. Give one of the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.
    """

    def __init__(
        self,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self._take(logits, probs, dtype, validate)

    def _take(self, logits, probs, dtype, validate, **others):
        given = exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(**others, **given, dtype=dtype, validate=validate)
        self._by_logits = "logits" in given
        self.logits, self.probs = self._logits_and_probs()

    @abc.abstractmethod
    def _logits_and_probs(self) -> tuple[Tensor, Tensor]:
        """Both, from the one that was given."""


class OfOdds(OfProbabilities):
    """A distribution of the probability of a success, or of its log odds.

    `_odds` has what follows from them, exact in both tails where log odds were given.

    Args:
        logits: Log odds of a success.
        probs: Probability of a success. Give one of the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.
    """

    def _logits_and_probs(self):
        name = "logits" if self._by_logits else "probs"
        self._odds = Odds(**{name: self._given[name]})
        return self._odds.logits, self._odds.probs
