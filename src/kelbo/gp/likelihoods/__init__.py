"""Likelihoods: conditionals of what is observed, given the values of Gaussian processes."""

from kelbo.gp.likelihoods.discrete import (
    Bernoulli,
    Categorical,
    NegativeBinomial,
    Ordinal,
    Poisson,
)
from kelbo.gp.likelihoods.likelihood import Likelihood
from kelbo.gp.likelihoods.real import Gaussian, HeteroscedasticGaussian, StudentT
from kelbo.gp.likelihoods.shares import Beta

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Gaussian",
    "HeteroscedasticGaussian",
    "Likelihood",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "StudentT",
]
