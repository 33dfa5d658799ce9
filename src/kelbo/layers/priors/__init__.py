"""Priors that train."""

from kelbo.layers.priors.mixture import LearnedMixture
from kelbo.layers.priors.normal import LearnedNormal
from kelbo.layers.priors.prior import Prior
from kelbo.layers.priors.vamp import VampPrior

__all__ = ["LearnedMixture", "LearnedNormal", "Prior", "VampPrior"]
