"""The multivariate normal distribution by its covariance."""

from kelbo import ops
from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.ops.linalg.covariance_factors import TriangularFactor
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class MultivariateNormalFullCovariance(MultivariateNormal):
    r"""Multivariate normal distribution, by its covariance.

    $$\log p(x) = -\tfrac12 (x - \mu)^\top \Sigma^{-1} (x - \mu) - \tfrac12 \log \det \Sigma
                  - \tfrac{d}{2} \log 2\pi$$

    The constructor factors $\Sigma = L L^\top$, by `ops.cholesky`. The check of the values takes
    its eigenvalues, which costs more than that: with `validate=False` there is none, and a matrix
    that is singular up to rounding is taken too, with the jitter that `ops.cholesky` needs for it.

    (Kotz, Balakrishnan and Johnson, 2000, "Continuous multivariate distributions", vol. 1,
    ch. 45.)

    Args:
        loc: Mean $\mu$, of shape (..., d).
        covariance_matrix: $\Sigma$, symmetric and positive definite, of shape (..., d, d).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Attributes:
        scale_tril: $L$, of shape (..., d, d).

    Raises:
        ValueError: The matrix is not symmetric and positive definite, or the shapes do not fit.
        ops.CholeskyError: With `validate=False`, outside compiled code: it has no factor. In
            compiled code the factor is NaN.

    Example:
        >>> from kelbo.distributions import MultivariateNormalFullCovariance
        >>> d = MultivariateNormalFullCovariance([0.0, 0.0], [[4.0, 1.0], [1.0, 9.0]])
        >>> float(d.log_prob([0.0, 0.0]))
        -3.615...
    """

    parameters = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
    }

    def __init__(
        self,
        loc: ArrayLike,
        covariance_matrix: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            loc=loc, covariance_matrix=covariance_matrix, dtype=dtype, validate=validate
        )
        name = f"{type(self).__name__}: covariance_matrix"
        self.scale_tril = ops.cholesky(self.covariance_matrix, name=name)
        self.factor = TriangularFactor(self.scale_tril)

    def covariance(self) -> Tensor:
        return self.covariance_matrix
