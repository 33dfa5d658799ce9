"""Distributions of vectors and matrices."""

from kelbo.distributions.vectors.dirichlet import Dirichlet
from kelbo.distributions.vectors.lkj_cholesky import LKJCholesky
from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.distributions.vectors.multivariate_normal_diag import MultivariateNormalDiag
from kelbo.distributions.vectors.multivariate_normal_full_covariance import (
    MultivariateNormalFullCovariance,
)
from kelbo.distributions.vectors.multivariate_normal_low_rank import MultivariateNormalLowRank
from kelbo.distributions.vectors.multivariate_normal_tril import MultivariateNormalTriL
from kelbo.distributions.vectors.multivariate_student_t import MultivariateStudentT

__all__ = [
    "Dirichlet",
    "LKJCholesky",
    "MultivariateNormal",
    "MultivariateNormalDiag",
    "MultivariateNormalFullCovariance",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "MultivariateStudentT",
]
