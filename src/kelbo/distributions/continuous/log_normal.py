"""The log-normal distribution."""

import math

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import largest
from kelbo.ops.special.positive_exp import positive_exp
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@registered
class LogNormal(Distribution):
    r"""Log-normal distribution: of a positive number whose logarithm is normal.

    $$p(x) = \frac{1}{x \sigma\sqrt{2\pi}}
             \exp\left(-\frac{(\log x - \mu)^2}{2\sigma^2}\right), \qquad x > 0$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 14.)
    A draw that is too small or too large for its dtype becomes the nearest number that is not.

    Args:
        loc: Mean $\mu$ of the logarithm.
        scale: Standard deviation $\sigma > 0$ of the logarithm. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import LogNormal
        >>> float(LogNormal(0.0, 1.0).log_prob(1.0))
        -0.9189...
    """

    parameters = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    reparameterized = True

    def __init__(
        self, loc: ArrayLike, scale: ArrayLike, *, dtype: str | None = None, validate: bool = True
    ):
        super().__init__(loc=loc, scale=scale, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        noise = keras.random.normal(shape, dtype=self.dtype, seed=seed)
        return positive_exp(self.loc + self.scale * noise)

    def _log_prob(self, value):
        outside = ops.logical_or(value <= 0, value > largest(value))
        log_value = ops.log(ops.where(outside, 1.0, value))
        z = ops.ratio(log_value - self.loc, self.scale)
        log_prob = -0.5 * ops.square(z) - log_value - (ops.log(self.scale) + _HALF_LOG_2PI)
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self._broadcast(ops.exp(self.loc + 0.5 * ops.square(self.scale)))

    def variance(self) -> Tensor:
        return ops.expm1(ops.square(self.scale)) * ops.square(self.mean())

    def stddev(self) -> Tensor:
        # The variance may overflow where this does not.
        return ops.sqrt(ops.expm1(ops.square(self.scale))) * self.mean()

    def mode(self) -> Tensor:
        return self._broadcast(ops.exp(self.loc - ops.square(self.scale)))

    def entropy(self) -> Tensor:
        return self._broadcast(self.loc + ops.log(self.scale) + (0.5 + _HALF_LOG_2PI))

    def cdf(self, value: ArrayLike) -> Tensor:
        value = self._as_value(value)
        outside = value <= 0
        z = ops.ratio(ops.log(ops.where(outside, 1.0, value)) - self.loc, self.scale)
        return ops.where(outside, 0.0, ops.normal_cdf(z))

    def quantile(self, probability: ArrayLike) -> Tensor:
        z = ops.normal_quantile(self._as_value(probability))
        return ops.exp(self.loc + self.scale * z)
