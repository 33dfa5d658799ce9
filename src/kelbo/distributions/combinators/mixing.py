"""What mixtures have in common."""

import abc
from typing import Any

from kelbo import ops
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.distribution import Distribution
from kelbo.ops.seeds import several_seeds
from kelbo.parameters import Composite, Shape
from kelbo.typing import ArrayLike, Tensor


class Mixing(Composite, Distribution):
    r"""A weighted sum of densities, $p(x) = \sum_k \pi_k p_k(x)$.

    A subclass sets `mixture_distribution`, `_batch_shape` and `_event_shape`, and tells draws,
    densities and moments of each component. The axis of the components is the one after those of
    the batch.
    """

    mixture_distribution: Categorical
    _event_shape: Shape
    # Which component a draw comes from is no smooth function of the weights.
    reparameterized = False

    @property
    def event_shape(self) -> Shape:
        return self._event_shape

    @abc.abstractmethod
    def _sample_each(self, shape: tuple, seed: Any) -> Tensor:
        """A draw from each component, for draws of this shape."""

    @abc.abstractmethod
    def _of_each(self, method: str, *value: Any) -> Tensor:
        """What a method of each component returns."""

    def _after_batch(self, per_component):
        """Numbers per component, with axes for the event after them."""
        return ops.reshape(per_component, (*ops.shape(per_component), *[1] * len(self.event_shape)))

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        rank = len(self.event_shape)
        draws = self._sample_each(shape, seeds)
        index = self.mixture_distribution._sample(shape[: len(shape) - rank], seeds)
        components = ops.arange(draws.shape[-1 - rank], dtype=self.dtype)
        is_chosen = self._after_batch(ops.equal(ops.expand_dims(index, -1), components))
        # Selected, not multiplied by 0 and 1: a draw of another component may be infinite.
        chosen = ops.where(is_chosen, draws, ops.zeros_like(draws))
        return ops.stop_gradient(ops.sum(chosen, axis=-1 - rank))

    def _log_weights(self):
        weights = self.mixture_distribution
        if "logits" in weights._given:
            return ops.log_softmax(weights.logits, axis=-1)
        never = ops.equal(weights.probs, 0)
        log_probs = ops.log(ops.where(never, ops.ones_like(weights.probs), weights.probs))
        return ops.where(never, -float("inf"), log_probs)

    def _log_prob(self, value):
        return log_sum_exp(self._of_each("_log_prob", value) + self._log_weights())

    def _average(self, each):
        weights = self._after_batch(self.mixture_distribution.probs)
        return self._broadcast(ops.sum(weights * each, axis=-1 - len(self.event_shape)))

    def mean(self) -> Tensor:
        return self._average(self._of_each("mean"))

    def variance(self) -> Tensor:
        """The mean of the components' variances, and the variance of their means."""
        means = self._of_each("mean")
        apart = means - ops.expand_dims(self._average(means), -1 - len(self.event_shape))
        return self._average(self._of_each("variance") + ops.square(apart))

    def cdf(self, value: ArrayLike) -> Tensor:
        if self.event_shape:
            self._missing("cumulative distribution function")
        each = self._of_each("cdf", self._as_value(value))
        return ops.sum(self.mixture_distribution.probs * each, axis=-1)


def log_sum_exp(x: ArrayLike) -> Tensor:
    r"""$\log \sum_k e^{x_k}$ over the last axis; -inf, with a gradient of 0, where all are -inf.

    Args:
        x: A tensor.

    Returns:
        A tensor without the last axis.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions.combinators.mixing import log_sum_exp
        >>> float(log_sum_exp(ops.full((2,), -float("inf"))))
        -inf
    """
    peak = ops.stop_gradient(ops.max(x, axis=-1, keepdims=True))
    is_nothing = ops.equal(peak, -float("inf"))
    peak = ops.where(ops.isfinite(peak), peak, ops.zeros_like(peak))
    total = ops.sum(ops.exp(x - peak), axis=-1)
    is_nothing, peak = ops.squeeze(is_nothing, -1), ops.squeeze(peak, -1)
    log_total = ops.log(ops.where(is_nothing, ops.ones_like(total), total)) + peak
    return ops.where(is_nothing, -float("inf"), log_total)


def as_weights(owner: str, mixture_distribution: Any) -> Categorical:
    """Checks the argument `mixture_distribution`.

    Args:
        owner: Name of the class, for the error.
        mixture_distribution: What was given.

    Returns:
        It.

    Raises:
        ValueError: It is no `Categorical`.
    """
    if not isinstance(mixture_distribution, Categorical):
        raise ValueError(
            f"{owner}: mixture_distribution must be a Categorical, which holds the weights; got "
            f"{mixture_distribution!r}. Write Categorical(logits=...) or Categorical(probs=...)."
        )
    return mixture_distribution
