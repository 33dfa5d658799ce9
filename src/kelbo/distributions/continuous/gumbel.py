"""The Gumbel distribution."""

import math

import numpy as np

from kelbo import ops
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.ops.special.outside import between, is_infinite, without
from kelbo.registration import registered
from kelbo.typing import Tensor

_EULER_GAMMA = float(np.euler_gamma)


@registered
class Gumbel(LocationScaleFamily):
    r"""Gumbel distribution, of the largest of many numbers.

    $$p(x) = \frac{1}{\beta} \exp\left(-z - e^{-z}\right), \qquad z = \frac{x - \mu}{\beta}$$

    (Johnson, Kotz and Balakrishnan, 1995, "Continuous univariate distributions", vol. 2, ch. 22,
    type 1.)

    Args:
        loc: Mode $\mu$; the mean is $\mu + 0.5772\, \beta$.
        scale: $\beta > 0$; the standard deviation is $\beta \pi / \sqrt{6}$. Broadcasts against
            `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Gumbel
        >>> float(Gumbel(0.0, 1.0).log_prob(0.0))
        -1.0
    """

    def _standard_draws(self, shape, seed):
        return ops.random.gumbel(shape, self.dtype, seed)

    def _log_prob(self, value):
        infinite = is_infinite(value)
        # Finite, so that its exponential is the only infinite one of the two terms.
        energy = ops.minimum(-self._standardized(without(infinite, value)), 1e30)
        log_prob = energy - ops.exp(energy) - ops.log(self.scale)
        return ops.where(infinite, -math.inf, log_prob)

    def mean(self) -> Tensor:
        return self._broadcast(self.loc + _EULER_GAMMA * self.scale)

    def variance(self) -> Tensor:
        return self._broadcast(ops.square(self.scale) * (math.pi**2 / 6.0))

    def entropy(self) -> Tensor:
        return self._broadcast(ops.log(self.scale) + (1.0 + _EULER_GAMMA))

    def _standard_cdf(self, z):
        # Where nothing is below, whose exponential need not be infinite.
        return ops.exp(-ops.exp(between(-z, -math.inf, 80.0)))

    def _standard_quantile(self, probability):
        return -ops.log(-ops.log(probability))
