"""Location-scale families: one standard distribution, shifted and stretched."""

import abc
from typing import Any

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import constraints
from kelbo.typing import ArrayLike, Tensor


class LocationScaleFamily(Distribution):
    r"""The distribution of $\mu + \sigma z$, with $z$ from a standard distribution of numbers.

    A subclass writes `_log_prob`, `_standard_cdf` and `_standard_quantile`, and `_standard_draws`
    where there is something better than quantiles of uniform numbers. Log densities are left to
    each: how $\log p(z) - \log\sigma$ is best rounded, and what is not finite in it, differs.

    Args:
        loc: Location $\mu$.
        scale: Scale $\sigma > 0$. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.
    """

    parameters = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    reparameterized = True

    def __init__(
        self, loc: ArrayLike, scale: ArrayLike, *, dtype: str | None = None, validate: bool = True
    ):
        super().__init__(loc=loc, scale=scale, dtype=dtype, validate=validate)

    def _standardized(self, value):
        return ops.ratio(value - self.loc, self.scale)

    def _standard_draws(self, shape: tuple, seed: Any) -> Tensor:
        """Draws of $z$."""
        return self._standard_quantile(ops.random.uniform_open(shape, self.dtype, seed))

    @abc.abstractmethod
    def _standard_cdf(self, z: Tensor) -> Tensor:
        """The distribution function of $z$."""

    @abc.abstractmethod
    def _standard_quantile(self, probability: Tensor) -> Tensor:
        """The inverse of it."""

    def _sample(self, shape, seed):
        return self.loc + self.scale * self._standard_draws(shape, seed)

    def mode(self) -> Tensor:
        return self._broadcast(self.loc)

    def cdf(self, value: ArrayLike) -> Tensor:
        return self._standard_cdf(self._standardized(self._as_value(value)))

    def quantile(self, probability: ArrayLike) -> Tensor:
        return self.loc + self.scale * self._standard_quantile(self._as_value(probability))
