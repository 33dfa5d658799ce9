"""The Laplace distribution."""

from typing import Any

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class Laplace(Distribution):
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

    parameters = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    reparameterized = True

    def __init__(self, loc: Any, scale: Any, *, dtype: str | None = None, validate: bool = True):
        super().__init__(loc=loc, scale=scale, dtype=dtype, validate=validate)

    def _sample(self, shape, seed):
        return self.quantile(ops.random.uniform_open(shape, self.dtype, seed))

    def _log_prob(self, value):
        return -ops.abs(ops.ratio(value - self.loc, self.scale)) - ops.log(2.0 * self.scale)

    def mean(self) -> Any:
        return self._broadcast(self.loc)

    def mode(self) -> Any:
        return self.mean()

    def variance(self) -> Any:
        return self._broadcast(2.0 * ops.square(self.scale))

    def entropy(self) -> Any:
        return self._broadcast(1.0 + ops.log(2.0 * self.scale))

    def cdf(self, value: Any) -> Any:
        z = ops.ratio(self._as_value(value) - self.loc, self.scale)
        left = z < 0
        beyond = 0.5 * ops.exp(ops.where(left, z, -z))
        return ops.where(left, beyond, 1.0 - beyond)

    def quantile(self, probability: Any) -> Any:
        u = self._as_value(probability)
        lower = u < 0.5
        z = ops.log(2.0 * ops.where(lower, u, 1.0 - u))
        return self.loc + self.scale * ops.where(lower, z, -z)
