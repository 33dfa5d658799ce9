"""The von Mises-Fisher distribution."""

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.random.von_mises_fisher import angles, turned, uniform_directions
from kelbo.ops.seeds import several_seeds
from kelbo.ops.special.bessel_orders import ratio_per_argument, ratio_slope
from kelbo.ops.special.von_mises_fisher import concentration_divergence, log_area
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class VonMisesFisher(Distribution):
    r"""Von Mises-Fisher distribution: of a direction, the normal distribution of the sphere.

    $$p(x) = \frac{\kappa^{d/2-1}}{(2\pi)^{d/2} I_{d/2-1}(\kappa)}\, e^{\kappa \mu^\top x},
        \qquad \lVert x \rVert = 1$$

    (Mardia and Jupp, 2000, "Directional statistics", section 9.3.2.) It is a density with respect
    to the area of the unit sphere in d dimensions. $\kappa = 0$ is `SphericalUniform`; for large
    $\kappa$ it is normal around $\mu$ with the variance $1 / \kappa$ along the sphere, without
    cancellation. The posterior of a hyperspherical VAE (Davidson, Falorsi, De Cao, Kipf and
    Tomczak, 2018), whose divergence from `SphericalUniform` is known.

    Draws are by rejection (Ulrich, 1984; Wood, 1994, "Simulation of the von Mises Fisher
    distribution"), in any dimension. They follow `mean_direction` smoothly; their gradients by the
    concentration are the implicit ones (Figurnov et al., 2018, "Implicit reparameterization
    gradients") at the cost of a quadrature of 20 points in float32 and 40 in float64 per draw.
    Vectors that are scored are taken to have length 1.

    Args:
        mean_direction: $\mu$, of length 1 and of shape (..., d), d at least 2.
        concentration: $\kappa \ge 0$, of shape (...).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `mean_direction` is not of length 1 or has one entry, `concentration` is
            negative, or the shapes do not broadcast.

    Example:
        >>> from kelbo.distributions import VonMisesFisher
        >>> d = VonMisesFisher([0.0, 0.0, 1.0], 0.0)
        >>> float(d.log_prob([1.0, 0.0, 0.0]))  # -log 4 pi
        -2.5310...
    """

    parameters = {
        "mean_direction": constraints.unit_vector,
        "concentration": constraints.nonnegative,
    }
    support = constraints.unit_vector
    reparameterized = True

    def __init__(
        self,
        mean_direction: ArrayLike,
        concentration: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            mean_direction=mean_direction,
            concentration=concentration,
            dtype=dtype,
            validate=validate,
        )
        size = self.mean_direction.shape[-1]
        if size is None or size < 2:
            raise ValueError(
                "VonMisesFisher: mean_direction must have at least 2 entries, got the shape "
                f"{tuple(self.mean_direction.shape)}."
            )
        self._event_shape = (size,)
        self._order = 0.5 * size - 1.0

    @property
    def event_shape(self) -> Shape:
        return self._event_shape

    def _reference(self):
        return self.mean_direction + self.concentration[..., None]

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        size = self.event_shape[0]
        angle = angles((*shape[:-1], 1), self.concentration[..., None], size, seeds)
        across = uniform_directions((*shape[:-1], size - 1), self.dtype, seeds)
        return turned(self.mean_direction, ops.cos(angle), ops.sin(angle) * across)

    def _log_normalizer(self):
        """Of the density that is 1 at the mean direction."""
        scaled = ops.log_normalized_bessel_ie(self.concentration, order=self._order)
        return scaled + log_area(self.event_shape[0])

    def _log_prob(self, value):
        # Of two vectors of length 1, the product is 1 less half the squared distance.
        squared = ops.sum(ops.square(value - self.mean_direction), axis=-1)
        return -0.5 * self.concentration * squared - self._log_normalizer()

    def mean_resultant_length(self) -> Tensor:
        r"""$A = I_{d/2}(\kappa) / I_{d/2-1}(\kappa)$, the length of the mean."""
        return self._of_batch(ops.bessel_ratio(self.concentration, order=self._order))

    def _of_batch(self, numbers):
        return ops.broadcast_to(numbers, self._shape_of_sample(())[:-1])

    def mean(self) -> Tensor:
        r"""$A \mu$, within the ball."""
        return self._broadcast(self.mean_resultant_length()[..., None] * self.mean_direction)

    def mode(self) -> Tensor:
        return self._broadcast(self.mean_direction)

    def variance(self) -> Tensor:
        along = ratio_slope(self.concentration, self._order)[..., None]
        across = ratio_per_argument(self.concentration, self._order)[..., None]
        squared = ops.square(self.mean_direction)
        return self._broadcast(across * (1.0 - squared) + along * squared)

    def _divergence_from_uniform(self):
        k = self.concentration
        return concentration_divergence(k, ops.zeros_like(k), self._order)

    def entropy(self) -> Tensor:
        return self._of_batch(log_area(self.event_shape[0]) - self._divergence_from_uniform())
