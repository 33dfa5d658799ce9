"""Divergences: how far a distribution is from another, as serialisable objects."""

from kelbo.divergences import f_functions as f
from kelbo.divergences.divergence import KL, Divergence, Jeffreys, MonteCarloKL, ReverseKL
from kelbo.divergences.f_divergence import FDivergence, dual_bound
from kelbo.divergences.mmd import RBF, InverseMultiquadric, Kernel, maximum_mean_discrepancy

__all__ = [
    "KL",
    "RBF",
    "Divergence",
    "FDivergence",
    "InverseMultiquadric",
    "Jeffreys",
    "Kernel",
    "MonteCarloKL",
    "ReverseKL",
    "dual_bound",
    "f",
    "maximum_mean_discrepancy",
]
