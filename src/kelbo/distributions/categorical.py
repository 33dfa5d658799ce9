"""The categorical distribution."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import PACKAGE, Constraint, constraints, exactly_one

# With more classes than this the rounding of cumulative probabilities could show in draws.
_MANY_CLASSES = 1024


@keras.saving.register_keras_serializable(package=PACKAGE)
class Categorical(Distribution):
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
        logits: Log probabilities $\eta$ up to a constant, of shape (..., K).
        probs: Probabilities $\pi$, of shape (..., K), which sum to 1. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, or probabilities that are negative or
            do not sum to 1.

    Example:
        >>> from kelbo.distributions import Categorical
        >>> float(Categorical(probs=[0.25, 0.5, 0.25]).log_prob(2))
        -1.3862...
    """

    parameters = {"logits": constraints.real_vector, "probs": constraints.simplex}

    def __init__(
        self,
        logits: Any = None,
        probs: Any = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        given = exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(**given, dtype=dtype, validate=validate)
        self._by_logits = "logits" in given
        if self._by_logits:
            self.probs = ops.softmax(self.logits, axis=-1)
        else:
            self.logits = ops.log(self.probs)

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
        return (self._race if self._classes > _MANY_CLASSES else self._look_up)(shape, seed)

    def _look_up(self, shape, seed):
        """The first class whose cumulative probability is above a uniform draw.

        It needs one random number where `_race` needs one for each class, and these are what takes
        the time.
        """
        classes = ops.arange(self._classes, dtype=self.dtype)
        # An impossible class is never drawn, however the sums are rounded.
        possible = self.probs > 0
        ends = ops.cumsum(self.probs, axis=-1)
        total = ends[..., -1]
        ends = ops.where(possible, ends, -1.0)
        last = ops.max(ops.where(possible, classes, 0.0), axis=-1, keepdims=True)
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        above = ends > ops.expand_dims(uniform * total, -1)
        return ops.stop_gradient(ops.min(ops.where(above, classes, last), axis=-1))

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

    def mode(self) -> Any:
        return ops.cast(ops.argmax(self.logits, axis=-1), self.dtype)

    def entropy(self) -> Any:
        if self._by_logits:
            return -ops.sum(self.probs * ops.log_softmax(self.logits, axis=-1), axis=-1)
        return -ops.sum(ops.xlogy(self.probs, self.probs), axis=-1)

    def cdf(self, value: Any) -> Any:
        classes = ops.arange(self._classes, dtype=self.dtype)
        value = ops.expand_dims(ops.cast(self._as_value(value), self.dtype), -1)
        return ops.sum(ops.where(classes <= value, self.probs, 0.0), axis=-1)

    def quantile(self, probability: Any) -> Any:
        below = ops.cumsum(self.probs, axis=-1)[..., :-1]
        u = ops.expand_dims(self._as_value(probability), -1)
        return ops.sum(ops.cast(below < u, self.dtype), axis=-1)
