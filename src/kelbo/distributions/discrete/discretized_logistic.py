"""The discretized logistic distribution, for 8-bit images."""

import numbers

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.counts import is_no_count, minus_infinity_where
from kelbo.parameters import Constraint, constraints, whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class DiscretizedLogistic(Distribution):
    r"""Logistic distribution rounded to whole numbers and held within two ends.

    $$p(x) = \sigma\left(\frac{x + \frac12 - \mu}{s}\right)
           - \sigma\left(\frac{x - \frac12 - \mu}{s}\right), \qquad x = \ell, \dots, h$$

    where the first term is 1 at $x = h$ and the second is 0 at $x = \ell$: the ends have the mass
    of all that lies beyond them. The likelihood for 8-bit images of PixelCNN++ (Salimans, Karpathy,
    Chen and Kingma, 2017, eq. 2), in units of pixel values: its images scaled to [-1, 1] have
    `loc` = (loc + 1) 127.5 and `scale` 127.5 times as large. Logarithms are computed as
    $\log(1 - e^{-1/s}) + \log\sigma(b) + \log\sigma(-a)$ with $a$ and $b$ the two arguments above,
    exact in the tails, where the difference of sigmoids is 0.

    Moments and entropy are sums over all values: they take `high - low + 1` times the memory of
    the parameters, where the backend does not fuse.

    Args:
        loc: Location $\mu$, in units of $x$.
        scale: Scale $s > 0$, in units of $x$.
        low: Smallest value $\ell$, a whole number.
        high: Largest value $h$, a whole number of at least `low`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A scale that is not positive, or ends that are not whole or in the wrong order.

    Example:
        >>> from kelbo.distributions import DiscretizedLogistic
        >>> float(DiscretizedLogistic(loc=127.5, scale=10.0).cdf(127))
        0.5
    """

    parameters = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(
        self,
        loc: ArrayLike,
        scale: ArrayLike,
        low: int = 0,
        high: int = 255,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(loc=loc, scale=scale, dtype=dtype, validate=validate)
        if not isinstance(low, numbers.Integral) or isinstance(low, bool):
            raise ValueError(f"DiscretizedLogistic: low must be a whole number, got {low!r}.")
        self.low = int(low)
        self.high = whole_number("DiscretizedLogistic", "high", high, minimum=self.low)

    @property
    def support(self) -> Constraint:
        """The whole numbers from `low` to `high`."""
        return constraints.integer_interval(self.low, self.high)

    def _sample(self, shape, seed):
        noise = ops.random.logistic(shape, dtype=self.dtype, seed=seed)
        drawn = ops.clip(ops.round(self.loc + self.scale * noise), self.low, self.high)
        return ops.stop_gradient(drawn)

    def _log_prob(self, value):
        outside = is_no_count(value, self.high, self.low)
        value = ops.where(outside, ops.full_like(value, self.low), value)
        left = ops.ratio(value - 0.5 - self.loc, self.scale)
        right = ops.ratio(value + 0.5 - self.loc, self.scale)
        is_lowest, is_highest = value <= self.low, value >= self.high
        width = ops.log1mexp(1.0 / self.scale)
        log_prob = (
            ops.where(ops.logical_or(is_lowest, is_highest), 0.0, width)
            - ops.where(is_highest, 0.0, ops.softplus(-right))
            - ops.where(is_lowest, 0.0, ops.softplus(left))
        )
        return minus_infinity_where(outside, log_prob)

    def _masses(self):
        """All values, and their probabilities along a new last axis."""
        values = ops.arange(self.low, self.high + 1, dtype=self.dtype)
        leading = ops.reshape(values, (-1, *[1] * len(self.batch_shape)))
        return values, ops.moveaxis(ops.exp(self._log_prob(leading)), 0, -1)

    def mean(self) -> Tensor:
        values, masses = self._masses()
        return ops.sum(values * masses, axis=-1)

    def variance(self) -> Tensor:
        values, masses = self._masses()
        mean = ops.sum(values * masses, axis=-1, keepdims=True)
        return ops.sum(ops.square(values - mean) * masses, axis=-1)

    def entropy(self) -> Tensor:
        _, masses = self._masses()
        return -ops.sum(ops.xlogy(masses, masses), axis=-1)

    def mode(self) -> Tensor:
        inner = self._broadcast(ops.clip(ops.round(self.loc), self.low, self.high))
        candidates = ops.stack(
            [inner, ops.full_like(inner, self.low), ops.full_like(inner, self.high)]
        )
        best = ops.argmax(self._log_prob(candidates), axis=0)
        return ops.squeeze(ops.take_along_axis(candidates, best[None], axis=0), 0)

    def cdf(self, value: ArrayLike) -> Tensor:
        value = ops.floor(self._as_value(value))
        below = ops.sigmoid(ops.ratio(value + 0.5 - self.loc, self.scale))
        below = ops.where(value < self.low, ops.zeros_like(below), below)
        return ops.where(value >= self.high, ops.ones_like(below), below)

    def quantile(self, probability: ArrayLike) -> Tensor:
        edge = self.loc + self.scale * ops.logit(self._as_value(probability))
        return ops.clip(ops.ceil(edge - 0.5), self.low, self.high)

    def _arguments(self, parameters):
        return {**parameters, "low": self.low, "high": self.high}
