"""The half-Cauchy distribution."""

import math

from kelbo import ops
from kelbo.distributions.continuous.cauchy import log1p_square
from kelbo.distributions.location_scale import LocationScaleFamily
from kelbo.ops.special.outside import between, largest, without
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class HalfCauchy(LocationScaleFamily):
    r"""Half-Cauchy distribution: the upper half of a Cauchy distribution.

    $$p(x) = \frac{2}{\pi\gamma} \left(1 + \frac{(x - x_0)^2}{\gamma^2}\right)^{-1},
      \qquad x \ge x_0$$

    A common prior of a scale (Gelman, 2006, "Prior distributions for variance parameters in
    hierarchical models"; Polson and Scott, 2012, "On the half-Cauchy prior for a global scale
    parameter"). Its mean and its variance are infinite; the median is `quantile(0.5)`.

    Args:
        loc: The lower end $x_0$, which is the mode.
        scale: Distance of the median from there, $\gamma > 0$. Broadcasts against `loc`.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is not positive, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import HalfCauchy
        >>> float(HalfCauchy(0.0, 1.0).log_prob(0.0))
        -0.4515...
    """

    def __init__(
        self,
        loc: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(loc, scale, dtype=dtype, validate=validate)

    @property
    def support(self) -> Constraint:
        """The numbers from `loc` on."""
        return constraints.at_least(self.loc)

    def _log_prob(self, value):
        outside = ops.logical_or(value < self.loc, value > largest(value))
        z = self._standardized(without(outside, value))
        log_prob = -log1p_square(z) - ops.log(0.5 * math.pi * self.scale)
        return ops.where(outside, -math.inf, log_prob)

    def mean(self) -> Tensor:
        """Infinite."""
        return self._broadcast(self.loc + math.inf)

    def variance(self) -> Tensor:
        """Infinite."""
        return self.mean()

    def entropy(self) -> Tensor:
        return self._broadcast(ops.log(2.0 * math.pi * self.scale))

    def _standard_cdf(self, z):
        return ops.arctan(between(z, 0.0, math.inf)) * (2.0 / math.pi)

    def _standard_quantile(self, probability):
        lower = probability < 0.5
        # The tangent of the smaller angle: a large one would lose its digits.
        size = ops.tan((0.5 * math.pi) * ops.where(lower, probability, 1.0 - probability))
        safe = ops.where(lower, 1.0, size)
        return ops.where(lower, size, 1.0 / safe)
