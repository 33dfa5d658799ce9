"""Divergences: how far a distribution is from another, as serialisable objects."""

from kelbo.divergences.divergence import KL, Divergence, Jeffreys, MonteCarloKL, ReverseKL
from kelbo.divergences.mmd import RBF, InverseMultiquadric, Kernel, maximum_mean_discrepancy

__all__ = [
    "KL",
    "RBF",
    "Divergence",
    "InverseMultiquadric",
    "Jeffreys",
    "Kernel",
    "MonteCarloKL",
    "ReverseKL",
    "maximum_mean_discrepancy",
]
