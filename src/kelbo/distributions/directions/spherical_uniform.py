"""The uniform distribution on a sphere."""

from kelbo import ops
from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.distribution import Distribution
from kelbo.ops.random.von_mises_fisher import uniform_directions
from kelbo.ops.special.von_mises_fisher import log_area
from kelbo.parameters import Shape, constraints, whole_number
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered
class SphericalUniform(Distribution):
    r"""Uniform distribution of directions: of vectors of length 1 in d dimensions.

    $$p(x) = \frac{\Gamma(d / 2)}{2 \pi^{d/2}}, \qquad \lVert x \rVert = 1$$

    One over the area of the sphere (Mardia and Jupp, 2000, "Directional statistics", section
    9.3.1). The prior of a hyperspherical VAE, beside `VonMisesFisher`. Vectors that are scored are
    taken to have length 1. It has no parameters, and so a batch of none: `Expanded` gives it one.

    Args:
        dimension: $d$, at least 2.
        dtype: Floating dtype; None is Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Raises:
        ValueError: `dimension` is not a whole number of at least 2.

    Example:
        >>> from kelbo.distributions import SphericalUniform
        >>> SphericalUniform(3).sample((5,), seed=1).shape
        (5, 3)
    """

    support = constraints.unit_vector
    reparameterized = True

    def __init__(self, dimension: int, *, dtype: str | None = None, validate: bool = True):
        self.dimension = whole_number("SphericalUniform", "dimension", dimension, minimum=2)
        super().__init__(dtype=dtype, validate=validate)

    def _arguments(self, parameters):
        return {"dimension": self.dimension, **parameters}

    def _sliced(self, index):
        added = index.of_shape(())  # the index can add axes alone
        return Expanded(self, added) if added else self

    @property
    def event_shape(self) -> Shape:
        return (self.dimension,)

    def _reference(self):
        return ops.zeros(self.event_shape, dtype=self.dtype)

    def _sample(self, shape, seed):
        return uniform_directions(shape, self.dtype, seed)

    def _log_prob(self, value):
        is_nan = ops.isnan(ops.sum(value, axis=-1))
        log_prob = ops.full_like(value[..., 0], -log_area(self.dimension))
        return ops.where(is_nan, ops.full_like(log_prob, float("nan")), log_prob)

    def mean(self) -> Tensor:
        """The center of the sphere, 0."""
        return ops.zeros(self.event_shape, dtype=self.dtype)

    def variance(self) -> Tensor:
        return ops.full(self.event_shape, 1.0 / self.dimension, dtype=self.dtype)

    def mode(self) -> Tensor:
        """NaN: no direction is more probable than others."""
        return ops.full(self.event_shape, float("nan"), dtype=self.dtype)

    def entropy(self) -> Tensor:
        return ops.full((), log_area(self.dimension), dtype=self.dtype)
