"""Divergences: how far a distribution is from another, as serialisable objects."""

from kelbo.divergences.divergence import KL, Divergence, Jeffreys, MonteCarloKL, ReverseKL

__all__ = ["KL", "Divergence", "Jeffreys", "MonteCarloKL", "ReverseKL"]
