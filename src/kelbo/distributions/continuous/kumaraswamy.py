"""The Kumaraswamy distribution."""

import math

import numpy as np

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import between
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_EULER_GAMMA = float(np.euler_gamma)


@registered
class Kumaraswamy(Distribution):
    r"""Kumaraswamy distribution over [0, 1]: like a Beta, with a closed quantile function.

    $$p(x) = a b\, x^{a - 1} (1 - x^a)^{b - 1}, \qquad 0 \le x \le 1$$

    (Kumaraswamy, 1980, "A generalized probability density function for double-bounded random
    processes"; Jones, 2009, "Kumaraswamy's distribution".) At 0 the density is infinite for
    $a < 1$, at 1 for $b < 1$. Draws stay off the two ends by a unit in the last place.
    `variance` is a difference: in float32 it loses digits for $a$ beyond 100.

    Args:
        concentration1: $a > 0$.
        concentration0: $b > 0$. Broadcasts against `concentration1`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A parameter is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Kumaraswamy
        >>> float(Kumaraswamy(2.0, 1.0).log_prob(0.5))
        0.0
    """

    parameters = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    regular_support = constraints.open_unit_interval
    reparameterized = True

    def __init__(
        self,
        concentration1: ArrayLike = 1.0,
        concentration0: ArrayLike = 1.0,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            concentration1=concentration1,
            concentration0=concentration0,
            dtype=dtype,
            validate=validate,
        )

    def _sample(self, shape, seed):
        return self._inside(self.quantile(ops.random.uniform_open(shape, self.dtype, seed)))

    def _sample_and_log_prob(self, shape, seed):
        # From log(1 - x^a) and log x, which do not round to 0 as 1 - x^a and 1 - x may.
        u = ops.random.uniform_open(shape, self.dtype, seed)
        log_rest, log_x = self._logs(u)
        return self._inside(ops.exp(log_x)), self._score(log_x, log_rest)

    def _inside(self, draw):
        kind = np.finfo(self.dtype)
        return ops.clip(draw, float(kind.tiny), 1.0 - float(kind.epsneg))

    def _logs(self, u):
        """The logarithms of 1 - x^a and of x, for the quantile x of u."""
        log_rest = ops.log1p(-u) / self.concentration0
        return log_rest, ops.log1mexp(log_rest) / self.concentration1

    def _score(self, log_x, log_rest):
        a, b = self.concentration1, self.concentration0
        return (ops.log(a) + ops.log(b)) + (a - 1.0) * log_x + (b - 1.0) * log_rest

    def _log_prob(self, value):
        a, b = self.concentration1, self.concentration0
        outside = ops.logical_or(value < 0, value > 1)
        value = ops.where(outside, 0.5, value)
        edge = ops.logical_or(value <= 0, value >= 1)
        log_x = ops.log(ops.where(edge, 0.5, value))
        log_prob = self._score(log_x, ops.log1mexp(a * log_x))
        # At the ends, where the logarithms are infinite, and with the slopes from inside.
        log_ab = ops.log(a) + ops.log(b)
        at_zero = _at_end(a, log_ab - (b - 1.0) * value)
        at_one = _at_end(b, log_ab + (a - 1.0) * (value - 1.0))
        at_edge = ops.where(value < 0.5, at_zero, at_one)
        return ops.where(outside, -math.inf, ops.where(edge, at_edge, log_prob))

    def mean(self) -> Tensor:
        return self._broadcast(ops.exp(self._log_moment(1.0)))

    def variance(self) -> Tensor:
        # E[x]^2 (E[x^2] / E[x]^2 - 1)
        log_ratio = self._log_moment(2.0) - 2.0 * self._log_moment(1.0)
        return ops.square(self.mean()) * ops.expm1(log_ratio)

    def _log_moment(self, order):
        a, b = self.concentration1, self.concentration0
        return ops.log(b) + ops.betaln(1.0 + order / a, b)

    def mode(self) -> Tensor:
        """The place of the largest density.

        An end of the interval where the density rises towards it all the way; NaN where the density
        is flat (both concentrations 1) or infinite at both ends (both below 1).
        """
        a, b = self._broadcast(self.concentration1), self._broadcast(self.concentration0)
        inner = ops.logical_and(a > 1, b > 1)
        safe_a, safe_b = ops.where(inner, a, 2.0), ops.where(inner, b, 2.0)
        mode = ops.exp(ops.log((safe_a - 1.0) / (safe_a * safe_b - 1.0)) / safe_a)
        falling = ops.logical_and(a <= 1, ops.logical_and(b >= 1, a < b))
        rising = ops.logical_and(b <= 1, ops.logical_and(a >= 1, b < a))
        ends = ops.where(falling, 0.0, ops.where(rising, 1.0, math.nan))
        return ops.where(inner, mode, ops.cast(ends, self.dtype))

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = ops.digamma(b + 1.0) + _EULER_GAMMA
        return self._broadcast(
            (1.0 - 1.0 / b) + (1.0 - 1.0 / a) * harmonic - ops.log(a) - ops.log(b)
        )

    def cdf(self, value: ArrayLike) -> Tensor:
        a, b = self.concentration1, self.concentration0
        x = between(self._as_value(value), 0.0, 1.0)
        at_zero, at_one = ops.equal(x, 0), ops.equal(x, 1)
        log_x = ops.log(ops.where(ops.logical_or(at_zero, at_one), 0.5, x))
        inside = -ops.expm1(b * ops.log1mexp(a * log_x))
        # At the ends, where the logarithms are infinite, by the powers that it is there.
        below = b * ops.power(ops.where(at_zero, x, 1.0), a)
        above = ops.power(a * (1.0 - ops.where(at_one, x, 0.0)), b)
        return ops.where(at_zero, below, ops.where(at_one, 1.0 - above, inside))

    def quantile(self, probability: ArrayLike) -> Tensor:
        return ops.exp(self._logs(self._as_value(probability))[1])


def _at_end(concentration, log_prob):
    """The log density at the end that the concentration belongs to."""
    bend = ops.where(concentration < 1, math.inf, -math.inf)
    return ops.where(ops.equal(concentration, 1), log_prob, bend)
