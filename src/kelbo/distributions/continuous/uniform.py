"""The uniform distribution."""

import math
from typing import NoReturn

import keras

from kelbo import ops
from kelbo.distributions.continuous.ends import require_increasing
from kelbo.distributions.distribution import Distribution
from kelbo.ops.special.outside import between
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Uniform(Distribution):
    r"""Uniform distribution over an interval.

    $$p(x) = \frac{1}{b - a}, \qquad a \le x \le b$$

    (Johnson, Kotz and Balakrishnan, 1995, "Continuous univariate distributions", vol. 2, ch. 26.)
    No value is the most probable one: `mode` raises NotImplementedError.

    Args:
        low: The lower end $a$, included.
        high: The upper end $b > a$, included. Broadcasts against `low`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `low` is not below `high`, an end is not finite, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Uniform
        >>> float(Uniform(0.0, 2.0).log_prob(0.5))
        -0.6931...
    """

    parameters = {"low": constraints.real, "high": constraints.real}
    reparameterized = True

    def __init__(
        self,
        low: ArrayLike = 0.0,
        high: ArrayLike = 1.0,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(low=low, high=high, dtype=dtype, validate=validate)
        if validate:
            require_increasing(self)

    @property
    def support(self) -> Constraint:
        """The interval, both ends included."""
        return constraints.interval(self.low, self.high)

    def _sample(self, shape, seed):
        draw = self.quantile(keras.random.uniform(shape, dtype=self.dtype, seed=seed))
        return ops.minimum(draw, self.high)  # where rounding goes over the end

    def _log_prob(self, value):
        outside = ops.logical_or(value < self.low, value > self.high)
        # Zero times the value: NaN stays NaN.
        log_prob = 0.0 * value - ops.log(self.high - self.low)
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return 0.5 * (self.low + self.high)

    def variance(self) -> Tensor:
        return ops.square(self.high - self.low) / 12.0

    def mode(self) -> NoReturn:
        """Refuses: every value is as probable as any other.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "Uniform has no mode: every value between its ends is as probable. Take mean(), or "
            "sample(seed=...)."
        )

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)

    def cdf(self, value: ArrayLike) -> Tensor:
        return between(ops.ratio(self._as_value(value) - self.low, self.high - self.low), 0.0, 1.0)

    def quantile(self, probability: ArrayLike) -> Tensor:
        return self.low + (self.high - self.low) * self._as_value(probability)
