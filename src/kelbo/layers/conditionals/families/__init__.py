"""Conditionals by family: one mechanism, a class for each."""

from kelbo.layers.conditionals.families.bernoulli import (
    ConditionalBernoulli,
    ConditionalContinuousBernoulli,
)
from kelbo.layers.conditionals.families.classes import (
    ConditionalCategorical,
    ConditionalOneHotCategorical,
)
from kelbo.layers.conditionals.families.counts import (
    ConditionalDiscretizedLogistic,
    ConditionalNegativeBinomial,
    ConditionalPoisson,
)
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.layers.conditionals.families.half_line import (
    ConditionalBeta,
    ConditionalExponential,
    ConditionalGamma,
    ConditionalLogNormal,
    ConditionalWeibull,
)
from kelbo.layers.conditionals.families.mixture import ConditionalMixture
from kelbo.layers.conditionals.families.real_line import (
    ConditionalLaplace,
    ConditionalLogistic,
    ConditionalStudentT,
)
from kelbo.layers.conditionals.families.vectors import (
    ConditionalDirichlet,
    ConditionalMultivariateNormalDiag,
    ConditionalMultivariateNormalLowRank,
)

__all__ = [
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
    "ConditionalNegativeBinomial",
    "ConditionalOneHotCategorical",
    "ConditionalPoisson",
    "ConditionalStudentT",
    "ConditionalWeibull",
    "FamilyConditional",
]
