"""The categorical distribution of one-hot vectors, with straight-through gradients."""

from kelbo import ops
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.probabilities import OfProbabilities
from kelbo.ops.special.counts import minus_infinity_where
from kelbo.ops.special.outside import without
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class OneHotCategorical(OfProbabilities):
    r"""Categorical distribution of a vector with a single 1 among zeros.

    $$p(x) = \prod_k \pi_k^{x_k}, \qquad \pi_k = \frac{e^{\eta_k}}{\sum_j e^{\eta_j}}$$

    With `straight_through`, a sample is $x + \pi - \mathrm{stop\_gradient}(\pi)$: the one-hot
    vector in value, with the gradient of the probabilities (Bengio, Léonard and Courville, 2013,
    "Estimating or propagating gradients through stochastic neurons for conditional computation").
    The gradient of an expectation is then exact for functions that are linear in $x$ and biased for
    others; `RelaxedOneHotCategorical` has unbiased gradients of a smoothed problem.

    Args:
        logits: Log probabilities $\eta$ up to a constant, of shape (..., K); -inf for a class that
            is never drawn.
        probs: Probabilities $\pi$, of shape (..., K), which sum to 1. Give one of the two.
        straight_through: Whether gradients flow through samples to the probabilities; then
            `reparameterized` is true.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, logits that are NaN, inf or all -inf,
            or probabilities that are negative or do not sum to 1.

    Example:
        >>> from kelbo.distributions import OneHotCategorical
        >>> float(OneHotCategorical(probs=[0.25, 0.5, 0.25]).log_prob([0.0, 0.0, 1.0]))
        -1.3862...
    """

    parameters = {"logits": constraints.log_weights, "probs": constraints.simplex}
    support = constraints.one_hot

    def __init__(
        self,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        straight_through: bool = False,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(logits, probs, dtype=dtype, validate=validate)
        self.straight_through = bool(straight_through)

    def _logits_and_probs(self):
        self._classes = Categorical(**self._given, validate=False)
        return self._classes.logits, self._classes.probs

    @property
    def reparameterized(self) -> bool:
        """Whether samples carry the (biased) straight-through gradient."""
        return self.straight_through

    @property
    def event_shape(self) -> Shape:
        return (self.logits.shape[-1],)

    def _sample(self, shape, seed):
        drawn = ops.cast(self._classes._sample(shape[:-1], seed), "int32")
        one_hot = ops.one_hot(drawn, shape[-1], axis=-1, dtype=self.dtype)
        if not self.straight_through:
            return one_hot
        return one_hot + (self.probs - ops.stop_gradient(self.probs))

    def _log_prob(self, value):
        highest = 1.0
        if self._by_logits:
            # A class that is never drawn may not be 1, and adds nothing where it is 0.
            never = ops.equal(self.logits, -float("inf"))
            highest = ops.where(never, ops.zeros_like(self.logits), 1.0)
            log_prob = ops.sum(value * without(never, self.logits), axis=-1)
            log_prob = log_prob - ops.logsumexp(self.logits, axis=-1)
        else:
            log_prob = ops.sum(ops.xlogy(value, self.probs), axis=-1)
        # No comparison with NaN is true: it stays.
        is_between = ops.logical_and(value > 0, value < 1)
        is_beyond = ops.logical_or(value < 0, value > highest)
        outside = ops.any(ops.logical_or(is_between, is_beyond), axis=-1)
        not_one = ops.abs(ops.sum(value, axis=-1) - 1.0) > 0
        return minus_infinity_where(ops.logical_or(outside, not_one), log_prob)

    def mean(self) -> Tensor:
        return self.probs

    def variance(self) -> Tensor:
        return self.probs * (1.0 - self.probs)

    def mode(self) -> Tensor:
        most = ops.argmax(self.logits, axis=-1)
        return ops.one_hot(most, self.logits.shape[-1], axis=-1, dtype=self.dtype)

    def entropy(self) -> Tensor:
        return self._classes.entropy()

    def _arguments(self, parameters):
        return {**parameters, "straight_through": self.straight_through}
