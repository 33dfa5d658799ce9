"""The multivariate normal distribution by the Cholesky factor of its covariance."""

from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.ops.linalg.covariance_factors import TriangularFactor
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class MultivariateNormalTriL(MultivariateNormal):
    r"""Multivariate normal distribution, by the Cholesky factor of its covariance.

    $$\log p(x) = -\tfrac12 \lVert L^{-1}(x - \mu) \rVert^2 - \sum_i \log L_{ii}
                  - \tfrac{d}{2} \log 2\pi, \qquad \Sigma = L L^\top$$

    (Kotz, Balakrishnan and Johnson, 2000, "Continuous multivariate distributions", vol. 1,
    ch. 45.)

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

    def __init__(
        self,
        loc: ArrayLike,
        scale_tril: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(loc=loc, scale_tril=scale_tril, dtype=dtype, validate=validate)
        self.factor = TriangularFactor(self.scale_tril)
