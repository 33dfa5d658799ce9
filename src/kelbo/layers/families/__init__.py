"""Conditionals by family: one mechanism, a class for each."""

from kelbo.layers.families.classes import ConditionalCategorical, ConditionalOneHotCategorical
from kelbo.layers.families.counts import (
    ConditionalDiscretizedLogistic,
    ConditionalNegativeBinomial,
    ConditionalPoisson,
)
from kelbo.layers.families.family import FamilyConditional
from kelbo.layers.families.half_line import (
    ConditionalBeta,
    ConditionalExponential,
    ConditionalGamma,
    ConditionalLogNormal,
    ConditionalWeibull,
)
from kelbo.layers.families.mixture import ConditionalMixture
from kelbo.layers.families.real_line import (
    ConditionalLaplace,
    ConditionalLogistic,
    ConditionalStudentT,
)
from kelbo.layers.families.vectors import (
    ConditionalDirichlet,
    ConditionalMultivariateNormalDiag,
    ConditionalMultivariateNormalLowRank,
)

__all__ = [
    "ConditionalBeta",
    "ConditionalCategorical",
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
    "ConditionalNegativeBinomial",
    "ConditionalOneHotCategorical",
    "ConditionalPoisson",
    "ConditionalStudentT",
    "ConditionalWeibull",
    "FamilyConditional",
]
