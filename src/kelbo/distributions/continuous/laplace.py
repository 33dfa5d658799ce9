"""The Laplace distribution."""

from kelbo import ops
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered
class Laplace(LocationScaleFamily):
    r"""Laplace (double exponential) distribution of a number.

    $$p(x) = \frac{1}{2 b} \exp\left(-\frac{\lvert x - \mu\rvert}{b}\right)$$

    (Johnson, Kotz and Balakrishnan, 1995, "Continuous univariate distributions", vol. 2, ch. 24.)

    Args:
        loc: Mean, median and mode $\mu$.
        scale: Mean absolute deviation $b > 0$; the standard deviation is $b\sqrt{2}$. Broadcasts
            against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import Laplace
        >>> float(Laplace(0.0, 1.0).log_prob(0.0))
        -0.6931...
    """

    def _log_prob(self, value):
        return -ops.abs(self._standardized(value)) - ops.log(2.0 * self.scale)

    def mean(self) -> Tensor:
        return self._broadcast(self.loc)

    def variance(self) -> Tensor:
        return self._broadcast(2.0 * ops.square(self.scale))

    def entropy(self) -> Tensor:
        return self._broadcast(1.0 + ops.log(2.0 * self.scale))

    def _standard_cdf(self, z):
        left = z < 0
        beyond = 0.5 * ops.exp(ops.where(left, z, -z))
        return ops.where(left, beyond, 1.0 - beyond)

    def _standard_quantile(self, probability):
        lower = probability < 0.5
        z = ops.log(2.0 * ops.where(lower, probability, 1.0 - probability))
        return ops.where(lower, z, -z)
