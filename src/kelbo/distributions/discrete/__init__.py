"""Distributions of counts, classes and single points."""

from kelbo.distributions.discrete.bernoulli import Bernoulli
from kelbo.distributions.discrete.binomial import Binomial
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.discrete.delta import Delta
from kelbo.distributions.discrete.discretized_logistic import DiscretizedLogistic
from kelbo.distributions.discrete.geometric import Geometric
from kelbo.distributions.discrete.negative_binomial import NegativeBinomial
from kelbo.distributions.discrete.one_hot_categorical import OneHotCategorical
from kelbo.distributions.discrete.poisson import Poisson

__all__ = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Delta",
    "DiscretizedLogistic",
    "Geometric",
    "NegativeBinomial",
    "OneHotCategorical",
    "Poisson",
]
