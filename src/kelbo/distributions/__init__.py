"""Distributions: draw samples, score values, and measure how far apart two of them are."""

from kelbo.distributions import (  # noqa: F401 (registered)
    kl_bernoulli,
    kl_composed,
    kl_continuous,
    kl_directions,
    kl_discrete,
    kl_gamma,
    kl_kumaraswamy,
    kl_normal,
    kl_transformed,
)
from kelbo.distributions.bernoulli import Bernoulli
from kelbo.distributions.beta import Beta
from kelbo.distributions.binomial import Binomial
from kelbo.distributions.categorical import Categorical
from kelbo.distributions.cauchy import Cauchy
from kelbo.distributions.continuous_bernoulli import ContinuousBernoulli
from kelbo.distributions.delta import Delta
from kelbo.distributions.dirichlet import Dirichlet
from kelbo.distributions.discretized_logistic import DiscretizedLogistic
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.exp_relaxed_one_hot_categorical import ExpRelaxedOneHotCategorical
from kelbo.distributions.expanded import Expanded
from kelbo.distributions.exponential import Exponential
from kelbo.distributions.gamma import Gamma
from kelbo.distributions.geometric import Geometric
from kelbo.distributions.gumbel import Gumbel
from kelbo.distributions.half_cauchy import HalfCauchy
from kelbo.distributions.half_normal import HalfNormal
from kelbo.distributions.independent import Independent
from kelbo.distributions.inverse_gamma import InverseGamma
from kelbo.distributions.kl import has_kl, kl_divergence, register_kl, register_kl_rule
from kelbo.distributions.kumaraswamy import Kumaraswamy
from kelbo.distributions.laplace import Laplace
from kelbo.distributions.lkj_cholesky import LKJCholesky
from kelbo.distributions.log_normal import LogNormal
from kelbo.distributions.logistic import Logistic
from kelbo.distributions.masked import Masked
from kelbo.distributions.mixture import Mixture
from kelbo.distributions.mixture_same_family import MixtureSameFamily
from kelbo.distributions.multivariate_normal import MultivariateNormal
from kelbo.distributions.multivariate_normal_diag import MultivariateNormalDiag
from kelbo.distributions.multivariate_normal_full_covariance import (
    MultivariateNormalFullCovariance,
)
from kelbo.distributions.multivariate_normal_low_rank import MultivariateNormalLowRank
from kelbo.distributions.multivariate_normal_tril import MultivariateNormalTriL
from kelbo.distributions.multivariate_student_t import MultivariateStudentT
from kelbo.distributions.negative_binomial import NegativeBinomial
from kelbo.distributions.normal import Normal
from kelbo.distributions.one_hot_categorical import OneHotCategorical
from kelbo.distributions.poisson import Poisson
from kelbo.distributions.relaxed_bernoulli import RelaxedBernoulli
from kelbo.distributions.relaxed_one_hot_categorical import RelaxedOneHotCategorical
from kelbo.distributions.spherical_uniform import SphericalUniform
from kelbo.distributions.student_t import StudentT
from kelbo.distributions.transformed import Transformed
from kelbo.distributions.truncated_normal import TruncatedNormal
from kelbo.distributions.uniform import Uniform
from kelbo.distributions.von_mises import VonMises
from kelbo.distributions.von_mises_fisher import VonMisesFisher
from kelbo.distributions.weibull import Weibull
from kelbo.distributions.zero_inflated import ZeroInflated
from kelbo.parameters import constraints

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "ContinuousBernoulli",
    "Delta",
    "Dirichlet",
    "DiscretizedLogistic",
    "Distribution",
    "ExpRelaxedOneHotCategorical",
    "Expanded",
    "Exponential",
    "Gamma",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "Laplace",
    "LogNormal",
    "Logistic",
    "Masked",
    "Mixture",
    "MixtureSameFamily",
    "MultivariateNormal",
    "MultivariateNormalDiag",
    "MultivariateNormalFullCovariance",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "MultivariateStudentT",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "Poisson",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "SphericalUniform",
    "StudentT",
    "Transformed",
    "TruncatedNormal",
    "Uniform",
    "VonMises",
    "VonMisesFisher",
    "Weibull",
    "ZeroInflated",
    "constraints",
    "has_kl",
    "kl_divergence",
    "register_kl",
    "register_kl_rule",
]
