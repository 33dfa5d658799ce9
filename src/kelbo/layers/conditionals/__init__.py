"""Conditionals: layers that make a distribution of a context."""

from kelbo.layers.conditionals.bernoulli import ConditionalBernoulli, ConditionalContinuousBernoulli
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.families import (
    ConditionalBeta,
    ConditionalCategorical,
    ConditionalDirichlet,
    ConditionalDiscretizedLogistic,
    ConditionalExponential,
    ConditionalGamma,
    ConditionalLaplace,
    ConditionalLogistic,
    ConditionalLogNormal,
    ConditionalMixture,
    ConditionalMultivariateNormalDiag,
    ConditionalMultivariateNormalLowRank,
    ConditionalNegativeBinomial,
    ConditionalOneHotCategorical,
    ConditionalPoisson,
    ConditionalStudentT,
    ConditionalWeibull,
    FamilyConditional,
)
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.conditionals.multivariate_normal import ConditionalMultivariateNormalTriL
from kelbo.layers.conditionals.normal import ConditionalNormal
from kelbo.layers.conditionals.von_mises_fisher import ConditionalVonMisesFisher

__all__ = [
    "Conditional",
    "ConditionalBernoulli",
    "ConditionalBeta",
    "ConditionalCategorical",
    "ConditionalContinuousBernoulli",
    "ConditionalDirichlet",
    "ConditionalDiscretizedLogistic",
    "ConditionalExponential",
    "ConditionalGamma",
    "ConditionalLaplace",
    "ConditionalLogNormal",
    "ConditionalLogistic",
    "ConditionalMixture",
    "ConditionalMultivariateNormalDiag",
    "ConditionalMultivariateNormalLowRank",
    "ConditionalMultivariateNormalTriL",
    "ConditionalNegativeBinomial",
    "ConditionalNormal",
    "ConditionalOneHotCategorical",
    "ConditionalPoisson",
    "ConditionalStudentT",
    "ConditionalVonMisesFisher",
    "ConditionalWeibull",
    "FamilyConditional",
    "ParameterHead",
]
