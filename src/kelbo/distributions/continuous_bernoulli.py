"""The continuous Bernoulli distribution, for data in [0, 1]."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import constraints
from kelbo.distributions.distribution import PACKAGE, Distribution, exactly_one

# Taylor coefficients of log(sinh(u) / u) in powers of u^2, and where the series takes over.
_LOG_SINHC_SERIES = (1 / 6, -1 / 180, 1 / 2835, -1 / 37800, 1 / 467775, -691 / 3831077250)
_SERIES_BELOW = 0.25


def _log_sinhc(u):
    r"""$\log(\sinh(u) / u)$, exact near 0 and for large |u|, with finite gradients."""
    magnitude = ops.abs(u)
    small = magnitude < _SERIES_BELOW
    squared = ops.square(ops.where(small, u, ops.zeros_like(u)))
    series = ops.zeros_like(u)
    for coefficient in reversed(_LOG_SINHC_SERIES):
        series = squared * (coefficient + series)
    large = ops.where(small, ops.ones_like(u), magnitude)
    direct = large + ops.log1p(-ops.exp(-2.0 * large)) - ops.log(2.0 * large)
    return ops.where(small, series, direct)


def _log_sinhc_derivatives(u):
    r"""First and second derivative of $\log(\sinh(u) / u)$."""
    small = ops.abs(u) < _SERIES_BELOW
    x = ops.where(small, u, ops.zeros_like(u))
    squared = ops.square(x)
    first, second = ops.zeros_like(u), ops.zeros_like(u)
    for k, coefficient in reversed(list(enumerate(_LOG_SINHC_SERIES, start=1))):
        first = squared * first + 2 * k * coefficient
        second = squared * second + 2 * k * (2 * k - 1) * coefficient
    safe = ops.where(small, ops.ones_like(u), u)
    decay = ops.exp(-2.0 * ops.abs(safe))
    coth = ops.sign(safe) * (1.0 + decay) / (1.0 - decay)
    inverse_sinh_squared = 4.0 * decay / ops.square(1.0 - decay)
    return (
        ops.where(small, x * first, coth - 1.0 / safe),
        ops.where(small, second, 1.0 / ops.square(safe) - inverse_sinh_squared),
    )


@keras.saving.register_keras_serializable(package=PACKAGE)
class ContinuousBernoulli(Distribution):
    r"""Continuous Bernoulli distribution over [0, 1].

    $$p(x) = C(\lambda)\, \lambda^x (1 - \lambda)^{1 - x}
           = \exp\left(\eta x - A(\eta)\right), \qquad
      A(\eta) = \log\frac{e^\eta - 1}{\eta}, \quad \eta = \log\frac{\lambda}{1 - \lambda}$$

    The likelihood for pixels between black and white. A Bernoulli there leaves the normaliser out,
    and so is no density (Loaiza-Ganem and Cunningham, 2019, "The continuous Bernoulli: fixing a
    pervasive error in variational autoencoders", eq. 5-8).

    Args:
        logits: $\eta$; 0 is the uniform distribution. Exact in the tails.
        probs: $\lambda$ in [0, 1]; not the mean. Give one of the two.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, or a probability outside [0, 1].

    Example:
        >>> from kelbo.distributions import ContinuousBernoulli
        >>> float(ContinuousBernoulli(logits=0.0).log_prob(0.3))
        0.0
    """

    parameters = {"logits": constraints.real, "probs": constraints.unit_interval}
    support = constraints.unit_interval
    reparameterized = True

    def __init__(
        self,
        logits: Any = None,
        probs: Any = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs, dtype=dtype, validate=validate)
        if logits is None:
            self.logits = ops.log(self.probs) - ops.log1p(-self.probs)
        else:
            self.probs = ops.sigmoid(self.logits)

    def _log_normalizer(self):
        half = 0.5 * self.logits
        return half + _log_sinhc(half)

    def _sample(self, shape, seed):
        return self.quantile(keras.random.uniform(shape, dtype=self.dtype, seed=seed))

    def _log_prob(self, value):
        log_prob = value * self.logits - self._log_normalizer()
        inside = ops.logical_and(value >= 0, value <= 1)
        return ops.where(inside, log_prob, ops.full_like(log_prob, -float("inf")))

    def mean(self) -> Any:
        first, _ = _log_sinhc_derivatives(0.5 * self.logits)
        return 0.5 + 0.5 * first

    def variance(self) -> Any:
        _, second = _log_sinhc_derivatives(0.5 * self.logits)
        return 0.25 * second

    def mode(self) -> Any:
        return ops.cast(self.logits > 0, self.dtype)

    def entropy(self) -> Any:
        return self._log_normalizer() - self.logits * self.mean()

    def cdf(self, value: Any) -> Any:
        value = ops.clip(self._as_value(value), 0.0, 1.0)
        # (e^(eta x) - 1) / (e^eta - 1), with both parts divided by e^eta where eta > 0.
        eta, flat = self._nonzero_logits()
        rate = -ops.abs(eta)
        below = ops.expm1(rate * value) / ops.expm1(rate)
        above = ops.exp(rate * (1.0 - value)) * ops.expm1(-ops.abs(eta) * value) / ops.expm1(rate)
        return ops.where(flat, value, ops.where(eta < 0, below, above))

    def quantile(self, probability: Any) -> Any:
        u = self._as_value(probability)
        # x = log(1 + u (e^eta - 1)) / eta, by symmetry only ever with a negative exponent.
        eta, flat = self._nonzero_logits()
        rate = -ops.abs(eta)
        share = ops.where(eta < 0, u, 1.0 - u)
        x = ops.log1p(share * ops.expm1(rate)) / rate
        x = ops.where(eta < 0, x, 1.0 - x)
        return ops.clip(ops.where(flat, u, x), 0.0, 1.0)

    def _nonzero_logits(self):
        flat = ops.abs(self.logits) < 1e-5
        return ops.where(flat, ops.ones_like(self.logits), self.logits), flat
