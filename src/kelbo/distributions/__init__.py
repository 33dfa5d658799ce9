"""Distributions: draw samples, score values, and measure how far apart two of them are."""

from kelbo.distributions import combinators, continuous, directions, discrete, relaxed, vectors
from kelbo.distributions.combinators import *
from kelbo.distributions.continuous import *
from kelbo.distributions.directions import *
from kelbo.distributions.discrete import *
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.kl import has_kl, kl_divergence, register_kl, register_kl_rule
from kelbo.distributions.relaxed import *
from kelbo.distributions.vectors import *
from kelbo.parameters import constraints

__all__ = [
    "Distribution",
    "constraints",
    "has_kl",
    "kl_divergence",
    "register_kl",
    "register_kl_rule",
]
__all__ += combinators.__all__
__all__ += continuous.__all__
__all__ += directions.__all__
__all__ += discrete.__all__
__all__ += relaxed.__all__
__all__ += vectors.__all__
