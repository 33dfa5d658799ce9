"""What multivariate normal distributions have in common."""

import math
from typing import Any

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.linalg.covariance_factors import (
    DiagonalFactor,
    LowRankFactor,
    TriangularFactor,
)
from kelbo.parameters import Shape, constraints
from kelbo.typing import Tensor

_LOG_2PI = math.log(2.0 * math.pi)


class MultivariateNormal(Distribution):
    r"""A normal distribution of vectors: a mean, and a factor of the covariance.

    $$\log p(x) = -\tfrac12 (x - \mu)^\top \Sigma^{-1} (x - \mu) - \tfrac12 \log \det \Sigma
                  - \tfrac{d}{2} \log 2\pi$$

    A subclass declares the parameters that make up $\Sigma$, and sets `factor` to what computes
    with it. `kl_divergence` knows every pair of subclasses.

    Attributes:
        factor: Draws, distances and determinants by $\Sigma$.
    """

    support = constraints.real_vector
    reparameterized = True
    factor: DiagonalFactor | TriangularFactor | LowRankFactor

    def __init__(self, *, dtype: str | None = None, validate: bool = True, **parameters: Any):
        super().__init__(**parameters, dtype=dtype, validate=validate)
        size = self.loc.shape[-1]
        for name, tensor in self._given.items():
            shape, rank = tuple(tensor.shape), self.parameters[name].event_rank
            if shape[-rank] != size:
                what = f"has {shape[-1]} entries" if rank == 1 else f"is {shape[-2]} x {shape[-1]}"
                raise ValueError(
                    f"{type(self).__name__}: loc has {size} entries, in the shape "
                    f"{tuple(self.loc.shape)}, but {name} {what}, in the shape {shape}."
                )
        self._event_shape = (size,)

    @property
    def event_shape(self) -> Shape:
        return self._event_shape

    def _reference(self):
        ranks = {name: self.parameters[name].event_rank for name in self._given}
        return sum(t if ranks[name] == 1 else t[..., 0] for name, t in self._given.items())

    def _sample(self, shape, seed):
        return self.loc + self.factor.sample(shape, seed)

    def _log_prob(self, value):
        squared = self.factor.squared_distance(value - self.loc)
        constant = 0.5 * self.event_shape[0] * _LOG_2PI
        return -0.5 * squared - (self.factor.half_log_det() + constant)

    def covariance(self) -> Tensor:
        r"""$\Sigma$, of shape (..., d, d)."""
        return self.factor.covariance()

    def mean(self) -> Tensor:
        return self._broadcast(self.loc)

    def mode(self) -> Tensor:
        return self.mean()

    def variance(self) -> Tensor:
        return self._broadcast(self.factor.variance())

    def entropy(self) -> Tensor:
        entropy = 0.5 * self.event_shape[0] * (1.0 + _LOG_2PI) + self.factor.half_log_det()
        return ops.broadcast_to(entropy, self._shape_of_sample(())[:-1])

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form for its {what}. For one entry i take that "
            "of its marginal: Normal(d.mean()[..., i], d.stddev()[..., i])."
        )
