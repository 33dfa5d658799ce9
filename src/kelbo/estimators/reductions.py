r"""How a bound reduces the log weights of a set of samples to one loss per example.

The log weights are $\ell_s = \log p(x, z_s) - \log q(z_s \mid x)$, of shape (samples, batch). (Of a
bound whose divergence has a closed form they are $\log p(x \mid z_s)$ alone.)
"""

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from kelbo import ops

# Below this power, sums of powers are computed about 1.
_SMALL = 0.1


class Reduction(abc.ABC):
    r"""A loss as a function of log weights, with what gradient estimators must know of it.

    Attributes:
        is_mean: Whether the loss is $-\frac{1}{S}\sum_s \ell_s$.
        is_sum: Whether the loss is a mean of one function of each log weight.
    """

    is_mean: ClassVar[bool] = False
    is_sum: ClassVar[bool] = False

    @abc.abstractmethod
    def value(self, log_weights: Any) -> Any:
        """The loss $L$, of shape (batch,)."""

    @abc.abstractmethod
    def slopes(self, log_weights: Any) -> Any:
        r"""$\partial L / \partial \ell_s$, of the shape of the log weights."""

    @abc.abstractmethod
    def curvatures(self, log_weights: Any) -> Any:
        r"""$\partial^2 L / \partial \ell_s^2$, of the shape of the log weights."""

    def signals(self, log_weights: Any) -> Any:
        """What the score of each sample is multiplied by: the loss, or its share of a sum."""
        return self.value(log_weights) + ops.zeros_like(log_weights)

    def left_out(self, log_weights: Any) -> Any:
        """The signals that would be expected without knowing the sample, from the other ones.

        Each log weight is replaced by the mean of the others.
        """
        samples = log_weights.shape[0]
        others = (ops.sum(log_weights, axis=0, keepdims=True) - log_weights) / (samples - 1)
        return self.replaced(log_weights, others)

    def replaced(self, log_weights: Any, others: Any) -> Any:
        """The loss with one log weight replaced, for each of them in turn.

        Args:
            log_weights: Of shape (samples, batch).
            others: What takes the place of each, of the same shape.

        Returns:
            A tensor of that shape.
        """
        samples = log_weights.shape[0]
        is_replaced = ops.eye(samples, dtype="bool")[:, :, None]
        # Samples stand in front, then which of them is replaced.
        each = ops.where(is_replaced, others[None], log_weights[:, None])
        values = self.value(ops.reshape(each, (samples, -1)))
        return ops.reshape(values, (samples, -1))


@dataclass(frozen=True)
class Mean(Reduction):
    r"""$L = -\frac{1}{S} \sum_s \ell_s$: the evidence lower bound."""

    is_mean: ClassVar[bool] = True
    is_sum: ClassVar[bool] = True

    def value(self, log_weights: Any) -> Any:
        return -ops.mean(log_weights, axis=0)

    def slopes(self, log_weights: Any) -> Any:
        return ops.full_like(log_weights, -1.0 / log_weights.shape[0])

    def curvatures(self, log_weights: Any) -> Any:
        return ops.zeros_like(log_weights)

    def signals(self, log_weights: Any) -> Any:
        return -log_weights / log_weights.shape[0]

    def left_out(self, log_weights: Any) -> Any:
        samples = log_weights.shape[0]
        others = ops.sum(log_weights, axis=0, keepdims=True) - log_weights
        return -others / (samples * (samples - 1))


@dataclass(frozen=True)
class LogMeanExp(Reduction):
    r"""$L = \frac{a}{c} \log \frac{1}{S} \sum_s e^{c \ell_s}$: the bounds of importance weights.

    Args:
        power: The exponent $c$ of the weights, not 0.
        sign: $a$: -1 for a lower bound, whose negative is minimised, 1 for an upper bound.
        is_exponentiated: Whether the posterior descends on the mean itself, not on its logarithm,
            divided by what the mean is now.
    """

    power: float = 1.0
    sign: float = -1.0
    is_exponentiated: bool = False

    def value(self, log_weights: Any) -> Any:
        powers = self.power * log_weights
        if abs(self.power) > _SMALL:
            total = ops.logsumexp(powers, axis=0) - math.log(log_weights.shape[0])
        else:  # the logarithm of the number of samples would cancel
            peak = ops.stop_gradient(ops.max(powers, axis=0, keepdims=True))
            total = peak[0] + ops.log1p(ops.mean(ops.expm1(powers - peak), axis=0))
        return (self.sign / self.power) * total

    def slopes(self, log_weights: Any) -> Any:
        return self.sign * ops.softmax(self.power * log_weights, axis=0)

    def curvatures(self, log_weights: Any) -> Any:
        share = ops.softmax(self.power * log_weights, axis=0)
        curvatures = self.sign * self.power * share
        return curvatures if self.is_exponentiated else curvatures * (1.0 - share)

    def left_out(self, log_weights: Any) -> Any:
        """The loss of the other samples alone."""
        samples = log_weights.shape[0]
        is_left_out = ops.eye(samples, dtype="bool")[:, :, None]
        others = ops.where(is_left_out, -float("inf"), self.power * log_weights[:, None])
        total = ops.logsumexp(others, axis=0) - math.log(samples - 1)
        return (self.sign / self.power) * total


@dataclass(frozen=True)
class Extreme(Reduction):
    r"""$L = -\max_s \ell_s$, or $-\min_s \ell_s$: the limits of Rényi's bound.

    Args:
        largest: Whether the largest log weight counts, or the smallest.
    """

    largest: bool

    def _extreme(self, log_weights):
        return (ops.max if self.largest else ops.min)(log_weights, axis=0)

    def value(self, log_weights: Any) -> Any:
        return -self._extreme(log_weights)

    def slopes(self, log_weights: Any) -> Any:
        samples = log_weights.shape[0]
        which = (ops.argmax if self.largest else ops.argmin)(log_weights, axis=0)
        return -ops.one_hot(which, samples, axis=0, dtype=log_weights.dtype)

    def curvatures(self, log_weights: Any) -> Any:
        return ops.zeros_like(log_weights)


@dataclass(frozen=True)
class OfGroups(Reduction):
    """The mean of one reduction over groups of samples that follow each other.

    Args:
        reduction: That of each group.
        size: Samples per group.
    """

    reduction: Reduction
    size: int

    def _split(self, log_weights):
        """Of shape (size, groups x batch)."""
        groups = log_weights.shape[0] // self.size
        split = ops.reshape(log_weights, (groups, self.size, -1))
        return ops.reshape(ops.transpose(split, (1, 0, 2)), (self.size, -1))

    def value(self, log_weights: Any) -> Any:
        groups = log_weights.shape[0] // self.size
        each = self.reduction.value(self._split(log_weights))
        return ops.mean(ops.reshape(each, (groups, -1)), axis=0)

    def _of_samples(self, each, samples):
        """What groups say of their samples, in the order of all samples."""
        groups = samples // self.size
        each = ops.reshape(each * (self.size / samples), (self.size, groups, -1))
        return ops.reshape(ops.transpose(each, (1, 0, 2)), (samples, -1))

    def slopes(self, log_weights: Any) -> Any:
        each = self.reduction.slopes(self._split(log_weights))
        return self._of_samples(each, log_weights.shape[0])

    def curvatures(self, log_weights: Any) -> Any:
        each = self.reduction.curvatures(self._split(log_weights))
        return self._of_samples(each, log_weights.shape[0])

    def signals(self, log_weights: Any) -> Any:
        each = self.reduction.signals(self._split(log_weights))
        return self._of_samples(each, log_weights.shape[0])

    def left_out(self, log_weights: Any) -> Any:
        each = self.reduction.left_out(self._split(log_weights))
        return self._of_samples(each, log_weights.shape[0])

    def replaced(self, log_weights: Any, others: Any) -> Any:
        each = self.reduction.replaced(self._split(log_weights), self._split(others))
        return self._of_samples(each, log_weights.shape[0])


@dataclass(frozen=True)
class Blend(Reduction):
    r"""A weighted sum of reductions, $\sum_i \beta_i L_i$.

    Args:
        parts: Pairs of a weight and a reduction.
    """

    parts: tuple[tuple[float, Reduction], ...]

    def _sum(self, method, *args):
        return sum(weight * getattr(part, method)(*args) for weight, part in self.parts)

    def value(self, log_weights: Any) -> Any:
        return self._sum("value", log_weights)

    def slopes(self, log_weights: Any) -> Any:
        return self._sum("slopes", log_weights)

    def curvatures(self, log_weights: Any) -> Any:
        return self._sum("curvatures", log_weights)

    def signals(self, log_weights: Any) -> Any:
        return self._sum("signals", log_weights)

    def left_out(self, log_weights: Any) -> Any:
        return self._sum("left_out", log_weights)

    def replaced(self, log_weights: Any, others: Any) -> Any:
        return self._sum("replaced", log_weights, others)


@dataclass(frozen=True)
class MeanOfFunction(Reduction):
    r"""$L = \frac{1}{S} \sum_s g(\ell_s)$ for a function $g$ of one log weight.

    Args:
        function: $g$, of a tensor.
        slope: Its derivative.
        curvature: Its second derivative.
    """

    is_sum: ClassVar[bool] = True

    function: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    curvature: Callable[[Any], Any]

    def value(self, log_weights: Any) -> Any:
        return ops.mean(self.function(log_weights), axis=0)

    def slopes(self, log_weights: Any) -> Any:
        return self.slope(log_weights) / log_weights.shape[0]

    def curvatures(self, log_weights: Any) -> Any:
        return self.curvature(log_weights) / log_weights.shape[0]

    def signals(self, log_weights: Any) -> Any:
        return self.function(log_weights) / log_weights.shape[0]

    def left_out(self, log_weights: Any) -> Any:
        samples = log_weights.shape[0]
        each = self.function(log_weights)
        others = ops.sum(each, axis=0, keepdims=True) - each
        return others / (samples * (samples - 1))
