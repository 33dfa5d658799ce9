"""The categorical distribution."""

import itertools

import keras

from kelbo import ops
from kelbo.distributions.probabilities import OfProbabilities
from kelbo.ops.special.outside import without
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

# Up to here the classes are gone through one by one: XLA makes one loop over the draws of it, where
# it would draw the same random numbers again for each class of a reduction.
_FEW_CLASSES = 32
# With more classes than this the rounding of cumulative probabilities could show in draws.
_MANY_CLASSES = 1024


@registered
class Categorical(OfProbabilities):
    r"""Categorical distribution of a class number.

    $$p(k) = \pi_k = \frac{e^{\eta_k}}{\sum_j e^{\eta_j}}, \qquad k = 0, \dots, K - 1$$

    A value is a number, the class: the last axis of the parameters is no part of the shape of
    samples. Samples are whole numbers of the distribution's floating dtype, like those of all other
    distributions, so that they mix with them in one model (exact for up to 2^24 classes in
    float32); `ops.cast(x, "int32")` makes indices of them. `log_prob` takes integers as well.

    Classes are labels, so there is no mean and no variance; `OneHotCategorical` has them. `cdf` and
    `quantile` follow the order of the numbers.

    (Murphy, 2012, "Machine learning: a probabilistic perspective", section 2.3.2.)

    Args:
        logits: Log probabilities $\eta$ up to a constant, of shape (..., K); -inf for a class that
            is never drawn.
        probs: Probabilities $\pi$, of shape (..., K), which sum to 1. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, logits that are NaN, inf or all -inf,
            or probabilities that are negative or do not sum to 1.

    Example:
        >>> from kelbo.distributions import Categorical
        >>> float(Categorical(probs=[0.25, 0.5, 0.25]).log_prob(2))
        -1.3862...
    """

    parameters = {"logits": constraints.log_weights, "probs": constraints.simplex}

    def _logits_and_probs(self):
        if self._by_logits:
            return self.logits, ops.softmax(self.logits, axis=-1)
        # The slope of log at 0 is infinite, and times the 0 of a class that is not asked for it
        # would be NaN.
        never = ops.equal(self.probs, 0)
        log_probs = ops.log(ops.where(never, ops.ones_like(self.probs), self.probs))
        return ops.where(never, -float("inf"), log_probs), self.probs

    @property
    def support(self) -> Constraint:
        """The whole numbers from 0 to the number of classes less 1."""
        return constraints.integer_interval(0, self._classes - 1)

    @property
    def _classes(self):
        return self.logits.shape[-1]

    def _reference(self):
        return self.logits[..., 0]

    def _as_value(self, value):
        # Integers are indices as they are.
        if "int" in str(getattr(value, "dtype", "")):
            return ops.cast(value, "int32")
        return super()._as_value(value)

    def _sample(self, shape, seed):
        # A look-up needs one random number where a race needs one for each class, and these are
        # what takes the time.
        if self._classes > _MANY_CLASSES:
            return self._race(shape, seed)
        weights = self.probs
        if self._by_logits:
            weights = ops.exp(self.logits - ops.max(self.logits, axis=-1, keepdims=True))
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        find = self._find_among_few if self._classes <= _FEW_CLASSES else self._find_among_many
        return ops.stop_gradient(find(weights, uniform))

    def _find_among_few(self, weights, uniform):
        """The first class whose cumulative probability is above a uniform number."""
        ends = list(itertools.accumulate(weights[..., k] for k in range(self._classes)))
        # Less than the last end, however it is rounded. A class of weight 0 ends where the one
        # before it does, and so is never the first.
        threshold = uniform * ends[-1]
        passed = (ops.cast(end <= threshold, self.dtype) for end in ends[:-1])
        return sum(passed, start=ops.zeros_like(threshold))

    def _find_among_many(self, weights, uniform):
        """The same, where sums are rounded in another order for each class."""
        classes = ops.arange(self._classes, dtype=self.dtype)
        possible = weights > 0
        sums = ops.cumsum(weights, axis=-1)
        threshold = ops.expand_dims(uniform * sums[..., -1], -1)
        ends = ops.where(possible, sums, -1.0)
        last = ops.max(ops.where(possible, classes, 0.0), axis=-1, keepdims=True)
        return ops.min(ops.where(ends > threshold, classes, last), axis=-1)

    def _race(self, shape, seed):
        """The class whose exponential waiting time, of the rate of its probability, ends first.

        This is the Gumbel-max trick before its outer logarithm, which need not be computed.
        """
        waiting = ops.random.exponential((*shape, self._classes), dtype=self.dtype, seed=seed)
        slowness = ops.exp(ops.max(self.logits, axis=-1, keepdims=True) - self.logits)
        drawn = ops.argmin(waiting * slowness, axis=-1)
        return ops.stop_gradient(ops.cast(drawn, self.dtype))

    def _log_prob(self, value):
        in_range = ops.logical_and(value >= 0, value <= self._classes - 1)
        index = ops.cast(ops.where(in_range, value, ops.zeros_like(value)), "int32")
        log_prob = self._at(index)
        if self._by_logits:
            log_prob = log_prob - ops.logsumexp(self.logits, axis=-1)
        # What is no class is no whole number, or was moved to 0.
        inside = ops.equal(value, ops.cast(index, value.dtype))
        outside = -float("inf")
        if "int" not in str(value.dtype):
            outside = ops.where(ops.isnan(value), value, outside)
        return ops.where(inside, log_prob, outside)

    def _at(self, index):
        """The logits of the classes of these numbers."""
        if len(self.logits.shape) == 1:
            return ops.take(self.logits, index, axis=0)
        shape = ops.shape(index + ops.zeros_like(self.logits[..., 0], dtype="int32"))
        logits = ops.broadcast_to(self.logits, (*shape, self._classes))
        index = ops.expand_dims(ops.broadcast_to(index, shape), -1)
        return ops.squeeze(ops.take_along_axis(logits, index, axis=-1), -1)

    def _missing(self, what):
        if what not in ("mean", "variance"):
            super()._missing(what)
        raise NotImplementedError(
            f"Categorical has no {what}: its classes are labels, not amounts. Those of the one-hot "
            "vector are methods of OneHotCategorical; of the class number, estimate them from "
            "samples: sample((1000,), seed=...)."
        )

    def mode(self) -> Tensor:
        return ops.cast(ops.argmax(self.logits, axis=-1), self.dtype)

    def entropy(self) -> Tensor:
        if self._by_logits:
            log_probs = ops.log_softmax(self.logits, axis=-1)
            never = ops.equal(log_probs, -float("inf"))
            return -ops.sum(self.probs * without(never, log_probs), axis=-1)
        return -ops.sum(ops.xlogy(self.probs, self.probs), axis=-1)

    def cdf(self, value: ArrayLike) -> Tensor:
        classes = ops.arange(self._classes, dtype=self.dtype)
        value = ops.expand_dims(ops.cast(self._as_value(value), self.dtype), -1)
        return ops.sum(ops.where(classes <= value, self.probs, 0.0), axis=-1)

    def quantile(self, probability: ArrayLike) -> Tensor:
        below = ops.cumsum(self.probs, axis=-1)[..., :-1]
        u = ops.expand_dims(self._as_value(probability), -1)
        return ops.sum(ops.cast(below < u, self.dtype), axis=-1)
