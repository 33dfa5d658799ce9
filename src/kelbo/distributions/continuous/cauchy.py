"""The Cauchy distribution."""

import math

from kelbo import ops
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.ops.special.outside import is_infinite, without
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

# From here on 2 log(1 + z) is log(1 + z^2) to the last digit, and z^2 does not overflow before.
_LARGE = 1e16


def log1p_square(z: ArrayLike) -> Tensor:
    r"""$\log(1 + z^2)$, also where the square overflows.

    Args:
        z: A tensor.

    Returns:
        A tensor of the shape of `z`.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions.continuous.cauchy import log1p_square
        >>> float(log1p_square(ops.convert_to_tensor(1e30)))
        138.15...
    """
    size = ops.abs(z)
    large = size > _LARGE
    logarithm = ops.log1p(size * ops.where(large, 1.0, size))
    return ops.where(large, 2.0 * logarithm, logarithm)


@registered
class Cauchy(LocationScaleFamily):
    r"""Cauchy distribution of a number: the heaviest tails of the common families.

    $$p(x) = \frac{1}{\pi\gamma} \left(1 + \frac{(x - x_0)^2}{\gamma^2}\right)^{-1}$$

    (Johnson, Kotz and Balakrishnan, 1994, "Continuous univariate distributions", vol. 1, ch. 16.)
    It has no mean and no variance, their integrals do not converge: `mean`, `variance` and `stddev`
    are NaN. `mode` is the median too.

    Args:
        loc: Median $x_0$.
        scale: Half of the distance between the quartiles, $\gamma > 0$. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Cauchy
        >>> float(Cauchy(0.0, 1.0).log_prob(0.0))
        -1.1447...
    """

    def _log_prob(self, value):
        infinite = is_infinite(value)
        z = self._standardized(without(infinite, value))
        log_prob = -log1p_square(z) - ops.log(math.pi * self.scale)
        return ops.where(infinite, -math.inf, log_prob)

    def mean(self) -> Tensor:
        """NaN: the integral does not converge. The median is `mode()`."""
        return self._broadcast(self.loc + math.nan)

    def variance(self) -> Tensor:
        """NaN: there is no mean. Half of the distance between the quartiles is `scale`."""
        return self.mean()

    def entropy(self) -> Tensor:
        return self._broadcast(ops.log(4.0 * math.pi * self.scale))

    def _standard_cdf(self, z):
        # Not 1/2 + atan(z) / pi, which cancels in the left tail.
        return ops.arctan2(ops.ones_like(z), -z) / math.pi

    def _standard_quantile(self, probability):
        lower = probability < 0.5
        # The cotangent of the smaller angle: a large tangent would lose its digits.
        size = 1.0 / ops.tan(math.pi * ops.where(lower, probability, 1.0 - probability))
        return ops.where(lower, -size, size)
