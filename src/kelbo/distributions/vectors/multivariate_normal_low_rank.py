"""The multivariate normal distribution with a covariance of few directions."""

from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.ops.linalg.covariance_factors import LowRankFactor
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class MultivariateNormalLowRank(MultivariateNormal):
    r"""Multivariate normal distribution whose covariance is diagonal plus one of low rank.

    $$\Sigma = \mathrm{diag}(D) + W W^\top$$

    Factor analysis, for vectors too long for a full covariance: with k columns in W a density and a
    draw cost O(d k), and what depends on the parameters alone O(d k^2 + k^3). By Woodbury's
    identity and the matrix determinant lemma no d x d matrix is made, save by `covariance`.

    The names are those of TensorFlow Probability's MultivariateNormalDiagPlusLowRankCovariance.
    PyTorch and NumPyro (LowRankMultivariateNormal) call them `cov_diag` and `cov_factor`.

    (Kotz, Balakrishnan and Johnson, 2000, "Continuous multivariate distributions", vol. 1,
    ch. 45;
    the inverse of the covariance by Woodbury, 1950.)

    Args:
        loc: Mean $\mu$, of shape (..., d).
        cov_diag_factor: The variances $D > 0$, of shape (..., d); not standard deviations.
        cov_perturb_factor: $W$, of shape (..., d, k).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A variance is not positive, or the shapes do not fit.

    Example:
        >>> from kelbo.distributions import MultivariateNormalLowRank
        >>> d = MultivariateNormalLowRank([0.0, 0.0], [1.0, 1.0], [[1.0], [2.0]])
        >>> d.variance()
        [2., 5.]
    """

    parameters = {
        "loc": constraints.real_vector,
        "cov_diag_factor": constraints.positive_vector,
        "cov_perturb_factor": constraints.real_matrix,
    }

    def __init__(
        self,
        loc: ArrayLike,
        cov_diag_factor: ArrayLike,
        cov_perturb_factor: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            loc=loc,
            cov_diag_factor=cov_diag_factor,
            cov_perturb_factor=cov_perturb_factor,
            dtype=dtype,
            validate=validate,
        )
        self.factor = LowRankFactor(self.cov_diag_factor, self.cov_perturb_factor)
