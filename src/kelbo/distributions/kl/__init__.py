"""Kullback-Leibler divergences: the registry, and what is known in closed form."""

from kelbo.distributions.kl import (  # noqa: F401 (registered)
    bernoulli,
    composed,
    continuous,
    directions,
    discrete,
    gamma,
    joint,
    kumaraswamy,
    normal,
    transformed,
)
from kelbo.distributions.kl.registry import (
    comparable,
    has_kl,
    kl_divergence,
    register_kl,
    register_kl_rule,
)

__all__ = ["comparable", "has_kl", "kl_divergence", "register_kl", "register_kl_rule"]
