"""Multivariate normal distributions."""

import math
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import PACKAGE, Shape, constraints

_LOG_2PI = math.log(2.0 * math.pi)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultivariateNormalTriL(Distribution):
    r"""Multivariate normal distribution, by the Cholesky factor of its covariance.

    $$\log p(x) = -\tfrac12 \lVert L^{-1}(x - \mu) \rVert^2 - \sum_i \log L_{ii}
                  - \tfrac{d}{2} \log 2\pi, \qquad \Sigma = L L^\top$$

    Args:
        loc: Mean $\mu$, of shape (..., d).
        scale_tril: Lower-triangular $L$ with a positive diagonal, of shape (..., d, d).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale_tril` is not square, not lower triangular, or has a diagonal entry that
            is not positive; or the shapes do not fit.

    Example:
        >>> from kelbo.distributions import MultivariateNormalTriL
        >>> d = MultivariateNormalTriL([0.0, 0.0], [[1.0, 0.0], [0.5, 2.0]])
        >>> d.covariance().shape
        (2, 2)
    """

    parameters = {
        "loc": constraints.real_vector,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    reparameterized = True

    def __init__(
        self, loc: Any, scale_tril: Any, *, dtype: str | None = None, validate: bool = True
    ):
        super().__init__(loc=loc, scale_tril=scale_tril, dtype=dtype, validate=validate)
        size, rows = self.loc.shape[-1], self.scale_tril.shape[-1]
        if size != rows:
            raise ValueError(
                f"MultivariateNormalTriL: loc has {size} entries, in the shape "
                f"{tuple(self.loc.shape)}, but scale_tril is {rows} x {rows}, in the shape "
                f"{tuple(self.scale_tril.shape)}."
            )
        self._event_shape = (size,)

    @property
    def event_shape(self) -> Shape:
        return self._event_shape

    def _reference(self):
        return self.loc + self.scale_tril[..., 0]

    def _sample(self, shape, seed):
        noise = keras.random.normal(shape, dtype=self.dtype, seed=seed)
        return self.loc + ops.squeeze(ops.matmul(self.scale_tril, noise[..., None]), -1)

    def _log_prob(self, value):
        z = ops.solve_triangular(self.scale_tril, (value - self.loc)[..., None])
        squared = ops.sum(ops.square(z), axis=(-2, -1))
        size = self.event_shape[0]
        return -0.5 * squared - self._half_log_det() - 0.5 * size * _LOG_2PI

    def _half_log_det(self):
        return ops.sum(ops.log(ops.diagonal(self.scale_tril, axis1=-2, axis2=-1)), axis=-1)

    def covariance(self) -> Any:
        r"""$\Sigma = L L^\top$, of shape (..., d, d)."""
        return ops.matmul(self.scale_tril, ops.swapaxes(self.scale_tril, -1, -2))

    def mean(self) -> Any:
        return self._broadcast(self.loc)

    def mode(self) -> Any:
        return self.mean()

    def variance(self) -> Any:
        return self._broadcast(ops.sum(ops.square(self.scale_tril), axis=-1))

    def entropy(self) -> Any:
        entropy = 0.5 * self.event_shape[0] * (1.0 + _LOG_2PI) + self._half_log_det()
        return ops.broadcast_to(entropy, self._shape_of_sample(())[:-1])

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"MultivariateNormalTriL has no closed form for its {what}. For one entry i take that "
            "of its marginal: Normal(d.mean()[..., i], d.stddev()[..., i])."
        )
