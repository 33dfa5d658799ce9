"""Keras layers: conditionals (context to distribution) and the pieces of the functional style."""

from kelbo.layers.bernoulli import ConditionalBernoulli, ConditionalContinuousBernoulli
from kelbo.layers.binarization import StochasticBinarization
from kelbo.layers.conditional import Conditional
from kelbo.layers.divergence import KLDivergence
from kelbo.layers.head import ParameterHead
from kelbo.layers.multivariate_normal import ConditionalMultivariateNormalTriL
from kelbo.layers.noise import LocationScale, Noise
from kelbo.layers.normal import ConditionalNormal

__all__ = [
    "Conditional",
    "ConditionalBernoulli",
    "ConditionalContinuousBernoulli",
    "ConditionalMultivariateNormalTriL",
    "ConditionalNormal",
    "KLDivergence",
    "LocationScale",
    "Noise",
    "ParameterHead",
    "StochasticBinarization",
]
