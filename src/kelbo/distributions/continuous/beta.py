"""The beta distribution."""

import math

import numpy as np

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.seeds import several_seeds
from kelbo.ops.special.gamma_density import log_minus_digamma, stirling_rest
from kelbo.ops.special.incomplete_beta import log_beta_power
from kelbo.ops.special.outside import between
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Beta(Distribution):
    r"""Beta distribution: of a number between 0 and 1, such as a probability.

    $$p(x) = \frac{x^{a - 1} (1 - x)^{b - 1}}{\mathrm{B}(a, b)}, \qquad 0 \le x \le 1$$

    (Johnson, Kotz and Balakrishnan, 1995, "Continuous univariate distributions", vol. 2, ch. 25.)
    At 0 the density is infinite for $a < 1$, at 1 for $b < 1$. The log density keeps its digits at
    concentrations of millions in float32. Draws are a sigmoid of a difference of logarithms of
    gamma numbers, so that small concentrations give no NaN; they stay off the two ends by a unit in
    the last place. Gradients of draws are the implicit ones (see `ops.random.gamma`).

    Args:
        concentration1: $a > 0$.
        concentration0: $b > 0$. Broadcasts against `concentration1`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A parameter is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Beta
        >>> float(Beta(1.0, 3.0).mean())
        0.25
    """

    parameters = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    regular_support = constraints.open_unit_interval
    reparameterized = True

    def __init__(
        self,
        concentration1: ArrayLike,
        concentration0: ArrayLike,
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
        seeds = several_seeds(seed)
        one, zero = (
            ops.random.log_gamma(shape, concentration, dtype=self.dtype, seed=seeds)
            for concentration in (self.concentration1, self.concentration0)
        )
        kind = np.finfo(self.dtype)
        inside = ops.maximum(ops.sigmoid(one - zero), float(kind.tiny))
        return ops.minimum(inside, 1.0 - float(kind.epsneg))

    def _log_prob(self, value):
        r"""By the number p that is smaller, x or 1 - x, with the concentrations A and B, as

        (A - 1) log u + (B - 1) log(1 - (A / B) (u - 1)) + constant, where u = p (A + B) / A.

        u is near 1 where the mass of large concentrations is. Since both logarithms are of this one
        number, the error of its rounding cancels.
        """
        a, b = self.concentration1, self.concentration0
        # The identity holds for every center: gradients need not pass it.
        one, zero = ops.stop_gradient(a), ops.stop_gradient(b)
        total = one + zero
        log_center = 2.0 * ops.log(total) - ops.log(one) - ops.log(zero)
        rest = stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b)
        half_logs = 0.5 * (ops.log(a) + ops.log(b) - ops.log(a + b))

        flipped = value > 0.5
        near = ops.where(flipped, 1.0 - value, value)
        near_power = ops.where(flipped, b, a) - 1.0
        # An end is outside where the density vanishes: its logarithm has an infinite slope.
        outside = ops.logical_or(near < 0, ops.logical_and(near <= 0, near_power > 0))
        near = ops.where(outside, 0.5, near)
        u = near * ops.where(flipped, total / zero, total / one)
        odds = ops.where(flipped, zero / one, one / zero)
        far_power = ops.where(flipped, a, b) - 1.0
        log_prob = (
            ops.xlogy(near_power, u)
            + far_power * ops.log1p(odds * (1.0 - u))
            + (rest + half_logs + log_center)
        )
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    def variance(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        total = a + b
        return (a / total) * (b / total) / (total + 1.0)

    def mode(self) -> Tensor:
        """The place of the largest density.

        An end of the interval where the density rises towards it all the way; NaN where the density
        is flat (both concentrations 1) or infinite at both ends (both below 1).
        """
        a, b = self._broadcast(self.concentration1), self._broadcast(self.concentration0)
        inner = ops.logical_and(a > 1, b > 1)
        safe_a, safe_b = ops.where(inner, a, 2.0), ops.where(inner, b, 2.0)
        mode = (safe_a - 1.0) / ((safe_a - 1.0) + (safe_b - 1.0))
        falling = ops.logical_and(a <= 1, ops.logical_and(b >= 1, a < b))
        rising = ops.logical_and(b <= 1, ops.logical_and(a >= 1, b < a))
        ends = ops.where(falling, 0.0, ops.where(rising, 1.0, math.nan))
        return ops.where(inner, mode, ops.cast(ends, self.dtype))

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        total = a + b
        # log B(a, b) - (a - 1) ψ(a) - (b - 1) ψ(b) + (a + b - 2) ψ(a + b), without what is large.
        rest = stirling_rest(a) + stirling_rest(b) - stirling_rest(total)
        digammas = (
            (a - 1.0) * log_minus_digamma(a)
            + (b - 1.0) * log_minus_digamma(b)
            - (total - 2.0) * log_minus_digamma(total)
        )
        return rest + digammas + 0.5 * (ops.log(a) + ops.log(b) - 3.0 * ops.log(total))

    def cdf(self, value: ArrayLike) -> Tensor:
        x = between(self._as_value(value), 0.0, 1.0)
        return ops.betainc(self.concentration1, self.concentration0, x)

    def quantile(self, probability: ArrayLike) -> Tensor:
        """The inverse of `cdf`, by bisection: 32 of its evaluations in float32, 64 in float64."""
        # In log(x / (1 - x)), from the smallest number of the dtype to 1 minus that.
        a, b = self.concentration1, self.concentration0
        p = self._as_value(probability)
        inside = ops.logical_and(p > 0, p < 1)

        safe = ops.where(inside, p, 0.5 * ops.ones_like(p))
        low = math.log(float(np.finfo(self.dtype).tiny))
        logit = _logit_of_share(safe, low, -low, a, b)
        # What is not within is nearer to 0, and on the other side rounded to 1.
        x = ops.where(safe < _share(a, b, ops.full_like(logit, low)), 0.0, ops.sigmoid(logit))
        return ops.where(inside, x, p + ops.zeros_like(x))


def _share(a, b, logit):
    # Near 1 and beyond the mean by 1 - x, which has the digits of the logit.
    up = ops.logical_and(logit > 0, logit > ops.log(a) - ops.log(b))
    first, second = ops.where(up, b, a), ops.where(up, a, b)
    mass = ops.betainc(first, second, ops.sigmoid(ops.where(up, -logit, logit)))
    return ops.where(up, 1.0 - mass, mass)


def _by_concentration(index):
    def rule(*args):
        concentrations, logit = list(args[:2]), args[2]

        def log_share(changed):
            concentrations[index] = changed
            return ops.log(_share(*concentrations, logit))

        return ops.values_and_gradients(log_share, concentrations[index])[1]

    return rule


def _by_logit(a, b, logit, value):
    # Not by the density, which is out of range where the number itself nearly is.
    return ops.exp(log_beta_power(a, b, ops.sigmoid(logit), ops.sigmoid(-logit)) - value)


_log_share = with_derivatives(
    lambda *args: ops.log(_share(*args)), [_by_concentration(0), _by_concentration(1), _by_logit]
)
_logit_of_share = ops.invert_monotone(
    lambda logit, a, b: _share(a, b, logit), logarithm=lambda logit, a, b: _log_share(a, b, logit)
)
