"""Distributions: draw samples, score values, and measure how far apart two of them are."""

from kelbo.distributions import kl_bernoulli, kl_composed, kl_normal  # noqa: F401 (registered)
from kelbo.distributions.bernoulli import Bernoulli
from kelbo.distributions.continuous_bernoulli import ContinuousBernoulli
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import has_kl, kl_divergence, register_kl, register_kl_rule
from kelbo.distributions.multivariate_normal import MultivariateNormal
from kelbo.distributions.multivariate_normal_diag import MultivariateNormalDiag
from kelbo.distributions.multivariate_normal_full_covariance import (
    MultivariateNormalFullCovariance,
)
from kelbo.distributions.multivariate_normal_low_rank import MultivariateNormalLowRank
from kelbo.distributions.multivariate_normal_tril import MultivariateNormalTriL
from kelbo.distributions.normal import Normal
from kelbo.distributions.transformed import Transformed
from kelbo.parameters import constraints

__all__ = [
    "Bernoulli",
    "ContinuousBernoulli",
    "Distribution",
    "Independent",
    "MultivariateNormal",
    "MultivariateNormalDiag",
    "MultivariateNormalFullCovariance",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "Normal",
    "Transformed",
    "constraints",
    "has_kl",
    "kl_divergence",
    "register_kl",
    "register_kl_rule",
]
