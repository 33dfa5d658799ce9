"""The multivariate normal distribution of independent entries."""

from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.ops.linalg.covariance_factors import DiagonalFactor
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class MultivariateNormalDiag(MultivariateNormal):
    r"""Multivariate normal distribution with a diagonal covariance.

    $$\log p(x) = -\sum_i \left(\frac{(x_i - \mu_i)^2}{2 s_i^2} + \log s_i\right)
                  - \tfrac{d}{2} \log 2\pi, \qquad \Sigma = \mathrm{diag}(s)^2$$

    The same distribution as `Independent(Normal(loc, scale_diag), 1)`.

    (Kotz, Balakrishnan and Johnson, 2000, "Continuous multivariate distributions", vol. 1,
    ch. 45.)

    Args:
        loc: Mean $\mu$, of shape (..., d).
        scale_diag: Standard deviations $s > 0$, of shape (..., d).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A standard deviation is not positive, or the shapes do not fit.

    Example:
        >>> from kelbo.distributions import MultivariateNormalDiag
        >>> float(MultivariateNormalDiag([0.0, 1.0], [1.0, 1.0]).log_prob([0.0, 1.0]))
        -1.8378...
    """

    parameters = {
        "loc": constraints.real_vector,
        "scale_diag": constraints.positive_vector,
    }

    def __init__(
        self,
        loc: ArrayLike,
        scale_diag: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(loc=loc, scale_diag=scale_diag, dtype=dtype, validate=validate)
        self.factor = DiagonalFactor(self.scale_diag)
