"""Conditionals: layers that make a distribution of a context."""

from kelbo.layers.conditionals import families
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.families import *
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.conditionals.multivariate_normal import ConditionalMultivariateNormalTriL
from kelbo.layers.conditionals.normal import ConditionalNormal
from kelbo.layers.conditionals.von_mises_fisher import ConditionalVonMisesFisher

__all__ = [
    "Conditional",
    "ConditionalMultivariateNormalTriL",
    "ConditionalNormal",
    "ConditionalVonMisesFisher",
    "ParameterHead",
]
__all__ += families.__all__
