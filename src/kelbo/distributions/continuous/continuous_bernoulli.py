"""The continuous Bernoulli distribution, for data in [0, 1]."""

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.special.outside import between, without
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

# Near 0 every closed form below is a difference of large numbers: a Taylor series takes over there.
# log(sinh(u) / u) in powers of u^2, and the |logits| below which it serves: exact in float64 too.
_LOG_SINHC_SERIES = (1 / 6, -1 / 180, 1 / 2835, -1 / 37800, 1 / 467775, -691 / 3831077250)
_SERIES_BELOW = 0.5
# The same for cdf and quantile, whose values need it at 0 only, but their gradients around it too.
_CDF_SERIES_BELOW = 0.01


def _branches(eta, below):
    """Where |eta| is small, eta there, and eta elsewhere; each moved to where it does no harm.

    A branch that is not taken still has a gradient, and NaN or infinity in it would spread.
    """
    small = ops.abs(eta) < below
    return (
        small,
        ops.where(small, eta, ops.zeros_like(eta)),
        ops.where(small, -ops.ones_like(eta), eta),
    )


def _fold(eta):
    """max(eta, 0), and -|eta|, of which the second has the slope 1 at 0 and the first has 0."""
    is_positive = eta > 0
    return ops.where(is_positive, eta, ops.zeros_like(eta)), ops.where(is_positive, -eta, eta)


def log_normalizer(eta: ArrayLike) -> Tensor:
    r"""$A(\eta) = \log((e^\eta - 1) / \eta) = \max(\eta, 0) + A(-|\eta|)$."""
    peak, folded = _fold(eta)
    return peak + _log_normalizer_of_folded(folded)


def _log_normalizer_of_folded(eta):
    r"""$A(\eta)$ for $\eta \le 0$; near 0 as $\eta / 2 + \log(\sinh(\eta / 2) / (\eta / 2))$."""
    small, near, far = _branches(eta, _SERIES_BELOW)
    squared = ops.square(0.5 * near)
    series = ops.zeros_like(eta)
    for coefficient in reversed(_LOG_SINHC_SERIES):
        series = squared * (coefficient + series)
    return ops.where(small, 0.5 * near + series, ops.log1p(-ops.exp(far)) - ops.log(-far))


def mean_of_logits(eta: ArrayLike) -> Tensor:
    r"""$A'(\eta)$."""
    small, near, far = _branches(eta, _SERIES_BELOW)
    squared = ops.square(0.5 * near)
    slope = ops.zeros_like(eta)
    for k, coefficient in reversed(list(enumerate(_LOG_SINHC_SERIES, start=1))):
        slope = squared * slope + 2 * k * coefficient
    rate = ops.abs(far)
    decay = ops.exp(-rate)
    to_the_near_end = 1.0 / rate - decay / (1.0 - decay)
    direct = ops.where(far > 0, 1.0 - to_the_near_end, to_the_near_end)
    return ops.where(small, 0.5 + 0.25 * near * slope, direct)


def variance_of_logits(eta: ArrayLike) -> Tensor:
    r"""$A''(\eta)$."""
    small, near, far = _branches(eta, _SERIES_BELOW)
    squared = ops.square(0.5 * near)
    curvature = ops.zeros_like(eta)
    for k, coefficient in reversed(list(enumerate(_LOG_SINHC_SERIES, start=1))):
        curvature = squared * curvature + 2 * k * (2 * k - 1) * coefficient
    rate = ops.abs(far)
    decay = ops.exp(-rate)
    direct = 1.0 / ops.square(rate) - decay / ops.square(1.0 - decay)
    return ops.where(small, 0.25 * curvature, direct)


@registered
class ContinuousBernoulli(OfOdds):
    r"""Continuous Bernoulli distribution over [0, 1].

    $$p(x) = C(\lambda)\, \lambda^x (1 - \lambda)^{1 - x}
           = \exp\left(\eta x - A(\eta)\right), \qquad
      A(\eta) = \log\frac{e^\eta - 1}{\eta}, \quad \eta = \log\frac{\lambda}{1 - \lambda}$$

    The likelihood for pixels between black and white. A Bernoulli there leaves the normaliser out,
    and so is no density (Loaiza-Ganem and Cunningham, 2019, "The continuous Bernoulli: fixing a
    pervasive error in variational autoencoders", eq. 5-8).

    Args:
        logits: $\eta$; 0 is the uniform distribution. Exact in the tails.
        probs: $\lambda$ between 0 and 1, both excluded (there all mass is in one point); not the
            mean. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, or a probability outside (0, 1).

    Example:
        >>> from kelbo.distributions import ContinuousBernoulli
        >>> float(ContinuousBernoulli(logits=0.0).log_prob(0.3))
        0.0
    """

    parameters = {"logits": constraints.real, "probs": constraints.open_unit_interval}
    support = constraints.unit_interval
    reparameterized = True

    def _sample(self, shape, seed):
        # Never 0: there the gradient of the quantile is infinite where the logits are large.
        half_step = 0.5 * float(np.finfo(self.dtype).eps)
        uniform = keras.random.uniform(shape, minval=half_step, dtype=self.dtype, seed=seed)
        return self.quantile(uniform)

    def _log_prob(self, value):
        # The peak of the density is taken off first: no large numbers cancel there.
        peak, folded = _fold(self.logits)
        outside = ops.logical_or(value < 0, value > 1)
        inner = without(outside, value) * self.logits
        log_prob = (inner - peak) - _log_normalizer_of_folded(folded)
        return ops.where(outside, ops.full_like(log_prob, -float("inf")), log_prob)

    def mean(self) -> Tensor:
        return mean_of_logits(self.logits)

    def variance(self) -> Tensor:
        return variance_of_logits(self.logits)

    def mode(self) -> Tensor:
        return ops.cast(self.logits > 0, self.dtype)

    def entropy(self) -> Tensor:
        # That of the mirror image, whose logits are not positive: no large numbers cancel.
        _, folded = _fold(self.logits)
        return _log_normalizer_of_folded(folded) - folded * mean_of_logits(folded)

    def cdf(self, value: ArrayLike) -> Tensor:
        x = between(self._as_value(value), 0.0, 1.0)
        small, near, far = _branches(self.logits, _CDF_SERIES_BELOW)
        product = x * (1.0 - x)
        series = x + product * near * (
            -1 / 2 + near * (1.0 - 2.0 * x) / 12 + ops.square(near) * product / 24
        )
        # (e^(eta x) - 1) / (e^eta - 1), with both parts divided by e^eta where eta > 0.
        rate = -ops.abs(far)
        below = ops.expm1(rate * x) / ops.expm1(rate)
        above = ops.exp(rate * (1.0 - x)) * below
        return ops.where(small, series, ops.where(far < 0, below, above))

    def quantile(self, probability: ArrayLike) -> Tensor:
        u = self._as_value(probability)
        small, near, far = _branches(self.logits, _CDF_SERIES_BELOW)
        # x - 1/2 = log(cosh h + w sinh h) / (2 h), w = 2 u - 1, h = eta / 2, in powers of h.
        w, h = 2.0 * u - 1.0, 0.5 * near
        squared = ops.square(w)
        series = u + 4.0 * u * (1.0 - u) * h * (
            1 / 4
            - h * w / 6
            - ops.square(h) * (1.0 - 3.0 * squared) / 24
            + ops.square(h) * h * w * (2.0 - 3.0 * squared) / 30
        )
        # log(1 - u + u e^eta) / eta, by symmetry only ever with a negative exponent; the sum as it
        # stands where it is small, as 1 - u (1 - e^eta) where it is near 1.
        rate = -ops.abs(far)
        share, rest = ops.where(far < 0, u, 1.0 - u), ops.where(far < 0, 1.0 - u, u)
        total = rest + share * ops.exp(rate)
        near_one = total > 0.5
        log_total = ops.where(
            near_one,
            ops.log1p(ops.where(near_one, share * ops.expm1(rate), ops.zeros_like(total))),
            ops.log(ops.where(near_one, ops.ones_like(total), total)),
        )
        from_end = log_total / rate
        # Of positive logits this is 1 - x. Where x is the smaller one, it is log(1 + u (e^eta - 1))
        # over eta, with the exponential in its logarithm.
        lower = ops.logical_and(far > 0, from_end > 0.5)
        positive = ops.logical_and(lower, u > 0)
        log_odds = ops.log(ops.where(positive, u, 1.0)) - rate + ops.log1p(-ops.exp(rate))
        from_start = ops.where(positive, ops.softplus(log_odds) / -rate, 0.0)
        x = ops.where(far < 0, from_end, ops.where(lower, from_start, 1.0 - from_end))
        return ops.clip(ops.where(small, series, x), 0.0, 1.0)
