"""Distributions of numbers with a density."""

from kelbo.distributions.continuous.beta import Beta
from kelbo.distributions.continuous.cauchy import Cauchy
from kelbo.distributions.continuous.continuous_bernoulli import ContinuousBernoulli
from kelbo.distributions.continuous.exponential import Exponential
from kelbo.distributions.continuous.gamma import Gamma
from kelbo.distributions.continuous.gumbel import Gumbel
from kelbo.distributions.continuous.half_cauchy import HalfCauchy
from kelbo.distributions.continuous.half_normal import HalfNormal
from kelbo.distributions.continuous.inverse_gamma import InverseGamma
from kelbo.distributions.continuous.kumaraswamy import Kumaraswamy
from kelbo.distributions.continuous.laplace import Laplace
from kelbo.distributions.continuous.log_normal import LogNormal
from kelbo.distributions.continuous.logistic import Logistic
from kelbo.distributions.continuous.normal import Normal
from kelbo.distributions.continuous.student_t import StudentT
from kelbo.distributions.continuous.truncated_normal import TruncatedNormal
from kelbo.distributions.continuous.uniform import Uniform
from kelbo.distributions.continuous.weibull import Weibull

__all__ = [
    "Beta",
    "Cauchy",
    "ContinuousBernoulli",
    "Exponential",
    "Gamma",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "InverseGamma",
    "Kumaraswamy",
    "Laplace",
    "LogNormal",
    "Logistic",
    "Normal",
    "StudentT",
    "TruncatedNormal",
    "Uniform",
    "Weibull",
]
