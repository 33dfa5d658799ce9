"""Log marginal likelihoods, and bounds of them, with their gradients."""

from kelbo.gp.bounds.collapsed import collapsed_bound, upper_bound
from kelbo.gp.bounds.marginal import log_marginal_likelihood

__all__ = ["collapsed_bound", "log_marginal_likelihood", "upper_bound"]
