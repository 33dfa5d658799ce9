"""Gaussian processes: kernels, exact and sparse posteriors, models."""

from kelbo.gp import (
    inducing,
    kernels,
    layers,
    likelihoods,
    mean_functions,
    random_features,
)
from kelbo.gp.bounds import collapsed_bound, log_marginal_likelihood, upper_bound
from kelbo.gp.exact import GPRegression
from kelbo.gp.natural_gradient import NaturalGradient
from kelbo.gp.posterior import Posterior
from kelbo.gp.sgpr import SGPR
from kelbo.gp.svgp import SVGP

__all__ = [
    "SGPR",
    "SVGP",
    "GPRegression",
    "NaturalGradient",
    "Posterior",
    "collapsed_bound",
    "inducing",
    "kernels",
    "layers",
    "likelihoods",
    "log_marginal_likelihood",
    "mean_functions",
    "random_features",
    "upper_bound",
]
