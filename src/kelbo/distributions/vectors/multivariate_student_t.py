"""Student's t distribution of vectors."""

import math
from typing import Any

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.ops.linalg.covariance_factors import TriangularFactor
from kelbo.ops.random.student_t import finite, stretches
from kelbo.ops.seeds import several_seeds
from kelbo.ops.special.student_t import log_constant, mean_log1p, variance_factor, where_defined
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class MultivariateStudentT(Distribution):
    r"""Student's t distribution: a multivariate normal one with heavy tails.

    $$p(x) = \frac{\Gamma(\frac{\nu + d}{2})}
                  {\Gamma(\frac{\nu}{2}) (\nu \pi)^{d / 2} \prod_i L_{ii}}
             \left(1 + \frac{q}{\nu}\right)^{-\frac{\nu + d}{2}},
      \qquad q = \lVert L^{-1}(x - \mu) \rVert^2$$

    (Kotz and Nadarajah, 2004, "Multivariate t distributions and their applications".) All entries
    share one gamma number: without correlation they are still not independent. Large $\nu$ is the
    normal distribution, without cancellation. The mean is NaN for $\nu \le 1$; the variance is
    infinite for $1 < \nu \le 2$ and NaN below. One entry by itself is
    `StudentT(df, loc[i], sqrt(scale_matrix[i, i]))`. Gradients of draws by `df` are the implicit
    ones of the gamma number in them (see `ops.random.gamma`).

    Args:
        df: Degrees of freedom $\nu > 0$, of shape (...).
        loc: Center $\mu$, of shape (..., d).
        scale_tril: Lower-triangular $L$ with a positive diagonal, of shape (..., d, d). The
            covariance is $\frac{\nu}{\nu - 2} L L^\top$.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `df` is not positive, `scale_tril` is not square, not lower triangular or has a
            diagonal entry that is not positive, or the shapes do not fit.

    Example:
        >>> from kelbo.distributions import MultivariateStudentT
        >>> d = MultivariateStudentT(4.0, [0.0, 0.0], [[1.0, 0.0], [0.0, 2.0]])
        >>> d.variance()
        [2., 8.]
    """

    parameters = {
        "df": constraints.positive,
        "loc": constraints.real_vector,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    reparameterized = True

    def __init__(
        self,
        df: ArrayLike,
        loc: ArrayLike,
        scale_tril: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(df=df, loc=loc, scale_tril=scale_tril, dtype=dtype, validate=validate)
        size, rows = self.loc.shape[-1], self.scale_tril.shape[-1]
        if size != rows:
            raise ValueError(
                f"{type(self).__name__}: loc has {size} entries, in the shape "
                f"{tuple(self.loc.shape)}, but scale_tril is {rows} x {rows}, in the shape "
                f"{tuple(self.scale_tril.shape)}."
            )
        self._size = size
        self._factor = TriangularFactor(self.scale_tril)

    @property
    def event_shape(self) -> Shape:
        return (self._size,)

    def _reference(self):
        return self.df[..., None] + self.loc + self.scale_tril[..., 0]

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        noise = self._factor.sample(shape, seeds)
        stretch = stretches(shape[:-1], self.df, self.dtype, seeds)
        return finite(self.loc + noise * stretch[..., None], self.dtype)

    def _log_prob(self, value):
        difference = value - self.loc
        # Squares of what is this far out would overflow: distances there are in units of `reach`.
        diagonal = ops.diagonal(self.scale_tril, axis1=-2, axis2=-1)
        reach = ops.max(ops.abs(difference), axis=-1) / ops.max(diagonal, axis=-1)
        far = reach > (1e6 if self.dtype == "float32" else 1e15)
        reach = ops.stop_gradient(ops.where(far, reach, ops.ones_like(reach)))
        q = self._factor.squared_distance(difference / reach[..., None]) / self.df
        safe = ops.where(far, q, ops.ones_like(q))
        log_far = 2.0 * ops.log(reach) + ops.log(safe + ops.square(1.0 / reach))
        log_near = ops.log1p(ops.where(far, ops.zeros_like(q), q))
        constant = log_constant(self.df, self._size) - self._factor.half_log_det()
        return constant - 0.5 * (self.df + self._size) * ops.where(far, log_far, log_near)

    def covariance(self) -> Tensor:
        r"""$\frac{\nu}{\nu - 2} L L^\top$, of shape (..., d, d); infinite or NaN as `variance`."""
        factor = variance_factor(self.df)[..., None, None]
        covariance = self._factor.covariance()
        # Not infinity times an entry that is 0.
        zero = ops.logical_and(ops.equal(covariance, 0), ops.equal(factor, math.inf))
        return ops.where(zero, 0.0, factor) * covariance

    def mean(self) -> Tensor:
        """Expected value; NaN for `df` of at most 1."""
        return where_defined(self.df[..., None], 1.0, self._broadcast(self.loc), math.nan)

    def mode(self) -> Tensor:
        return self._broadcast(self.loc)

    def variance(self) -> Tensor:
        """Variance of each entry; infinite for `df` above 1 and at most 2, NaN for at most 1."""
        factor = variance_factor(self.df)[..., None]
        return self._broadcast(factor * self._factor.variance())

    def entropy(self) -> Tensor:
        spread = 0.5 * (self.df + self._size) * mean_log1p(self.df, self._size)
        entropy = spread - log_constant(self.df, self._size) + self._factor.half_log_det()
        return ops.broadcast_to(entropy, self._shape_of_sample(())[:-1])

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form for its {what}. For one entry i take that "
            "of its marginal, StudentT(df, loc[..., i], s) with s the root of the i-th diagonal "
            "entry of scale_tril @ scale_tril^T, or estimate it from samples: sample((1000,), "
            "seed=...)."
        )
