"""The normal distribution."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.parameters import as_shape
from kelbo.registration import registered
from kelbo.typing import Tensor

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@registered
class Normal(LocationScaleFamily):
    r"""Normal (Gaussian) distribution of a number.

    $$p(x) = \frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{(x - \mu)^2}{2\sigma^2}\right)$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 13.)

    Args:
        loc: Mean $\mu$.
        scale: Standard deviation $\sigma > 0$. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Normal
        >>> float(Normal(0.0, 1.0).log_prob(0.0))
        -0.9189...
    """

    @staticmethod
    def standard(event_shape: int | Sequence[int] = (), dtype: str | None = None) -> Distribution:
        """Standard normal over values of `event_shape`: independent, mean 0, variance 1.

        Args:
            event_shape: Shape of one value; () for a number.
            dtype: Floating dtype; None takes Keras' default.

        Returns:
            An `Independent` normal, or a `Normal` where the event shape is ().

        Example:
            >>> from kelbo.distributions import Normal
            >>> Normal.standard((2,)).event_shape
            (2,)
        """
        from kelbo.distributions.combinators.independent import Independent

        shape = as_shape(event_shape, "Normal.standard: event_shape")
        normal = Normal(np.zeros(shape), np.ones(shape), dtype=dtype or keras.config.floatx())
        return Independent(normal, len(shape)) if shape else normal

    def _standard_draws(self, shape, seed):
        return keras.random.normal(shape, dtype=self.dtype, seed=seed)

    def _log_prob(self, value):
        z = self._standardized(value)
        return -0.5 * ops.square(z) - ops.log(self.scale) - _HALF_LOG_2PI

    def mean(self) -> Tensor:
        return self._broadcast(self.loc)

    def variance(self) -> Tensor:
        return self._broadcast(ops.square(self.scale))

    def stddev(self) -> Tensor:
        return self._broadcast(self.scale)

    def entropy(self) -> Tensor:
        return self._broadcast(0.5 + _HALF_LOG_2PI + ops.log(self.scale))

    def _standard_cdf(self, z):
        return ops.normal_cdf(z)

    def _standard_quantile(self, probability):
        return ops.normal_quantile(probability)
