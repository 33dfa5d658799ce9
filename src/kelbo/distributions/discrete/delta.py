"""The delta distribution: a point mass."""

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Delta(Distribution):
    r"""Distribution with all of its mass in one point.

    $$p(x) = [x = \mathrm{loc}]$$

    `log_prob` is that of a mass, 0 or minus infinity, not of a density. Samples are `loc` and carry
    its gradient. `kl_divergence(Delta(x), p)` is $-\log p(x)$: with it, an evidence lower bound is
    the objective of a maximum a posteriori estimate. TensorFlow Probability calls it Deterministic.

    Args:
        loc: The point.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: A value of `loc` is not finite.

    Example:
        >>> from kelbo.distributions import Delta
        >>> float(Delta(loc=3.0).sample())
        3.0
    """

    parameters = {"loc": constraints.real}
    reparameterized = True

    def __init__(self, loc: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(loc=loc, dtype=dtype, validate=validate)

    @property
    def support(self) -> Constraint:
        """The point."""
        return Constraint("equal to loc", lambda x: ops.equal(x, self.loc), is_discrete=True)

    def _sample(self, shape, seed):
        return ops.broadcast_to(self.loc, shape)

    def _log_prob(self, value):
        apart = ops.where(ops.isnan(value), value, -float("inf"))
        return ops.where(ops.equal(value, self.loc), ops.zeros_like(apart), apart)

    def mean(self) -> Tensor:
        return self.loc

    def variance(self) -> Tensor:
        return ops.zeros_like(self.loc)

    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        """0: that of the mass, not of a density."""
        return ops.zeros_like(self.loc)

    def cdf(self, value: ArrayLike) -> Tensor:
        return ops.cast(self._as_value(value) >= self.loc, self.dtype)

    def quantile(self, probability: ArrayLike) -> Tensor:
        return self.loc + ops.zeros_like(self._as_value(probability))
