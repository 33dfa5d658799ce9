"""The relaxed one-hot categorical (Gumbel-softmax, or concrete) distribution."""

import numpy as np

from kelbo import ops
from kelbo.distributions.probabilities import OfProbabilities
from kelbo.distributions.relaxed.exp_relaxed_one_hot_categorical import (
    TOLERANCE,
    ExpRelaxedOneHotCategorical,
)
from kelbo.ops.special.counts import minus_infinity_where
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class RelaxedOneHotCategorical(OfProbabilities):
    r"""Gumbel-softmax distribution over the simplex: a one-hot vector with pathwise gradients.

    $$x_k = \frac{\exp((\eta_k + G_k) / \lambda)}{\sum_j \exp((\eta_j + G_j) / \lambda)}, \qquad
      p(x) = (K - 1)!\, \lambda^{K - 1}
             \prod_k \frac{\pi_k x_k^{-\lambda - 1}}{\sum_j \pi_j x_j^{-\lambda}}$$

    with Gumbel noise $G_k$ (Maddison, Mnih and Teh, 2017, "The concrete distribution",
    definition 1; Jang, Gu and Poole, 2017, "Categorical reparameterization with Gumbel-softmax").
    The largest entry is that of class $k$ with probability $\pi_k$; as the temperature $\lambda$
    goes to 0 the samples become one-hot vectors. They are kept above 0, where rounding would bring
    them to it; `ExpRelaxedOneHotCategorical` is their logarithm, which needs no such care. The
    density is with respect to $K - 1$ of the entries. There are no closed forms for moments.

    Args:
        temperature: $\lambda > 0$.
        logits: Log probabilities $\eta$ up to a constant, of shape (..., K).
        probs: Probabilities $\pi$, of shape (..., K), greater than 0, which sum to 1. Give one of
            the two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, probabilities that are not positive or
            do not sum to 1, or a temperature that is not positive.

    Example:
        >>> from kelbo.distributions import RelaxedOneHotCategorical
        >>> RelaxedOneHotCategorical(temperature=0.5, logits=[0.0, 1.0]).sample(3, seed=0).shape
        (3, 2)
    """

    parameters = ExpRelaxedOneHotCategorical.parameters
    support = constraints.open_simplex
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

    def _logits_and_probs(self):
        self._logarithm = ExpRelaxedOneHotCategorical(**self._given, validate=False)
        return self._logarithm.logits, self._logarithm.probs

    @property
    def event_shape(self) -> Shape:
        return self._logarithm.event_shape

    def _reference(self):
        return self._logarithm._reference()

    def _sample(self, shape, seed):
        # The smallest normal number: what is smaller counts as 0 on many processors.
        smallest = float(np.finfo(self.dtype).tiny)
        return ops.maximum(ops.exp(self._logarithm._sample(shape, seed)), smallest)

    def _log_prob(self, value):
        outside = ops.any(ops.logical_or(value <= 0, value > 1.0 + TOLERANCE), axis=-1)
        value = ops.where(ops.expand_dims(outside, -1), ops.ones_like(value), value)
        log_x = ops.log(value)
        log_prob = self._logarithm.log_density(log_x) - ops.sum(log_x, axis=-1)
        return minus_infinity_where(outside, log_prob)
