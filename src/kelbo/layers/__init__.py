"""Keras layers: conditionals (context to distribution) and the pieces of the functional style."""

from kelbo.layers.bernoulli import ConditionalBernoulli, ConditionalContinuousBernoulli
from kelbo.layers.binarization import StochasticBinarization
from kelbo.layers.conditional import Conditional
from kelbo.layers.divergence import KLDivergence
from kelbo.layers.flows import (
    MADE,
    AffineCoupling,
    AffineTransform,
    BlockAutoregressiveFlow,
    ConditionalBijector,
    CouplingFlow,
    ElementwiseTransform,
    Flow,
    InverseAutoregressive,
    InvertibleLinear,
    MaskedAutoregressive,
    MaskedDense,
    ParametricBijector,
    Permutation,
    PlanarFlow,
    RadialFlow,
    ShiftTransform,
    SplineCoupling,
    SplineTransform,
    SylvesterFlow,
)
from kelbo.layers.head import ParameterHead
from kelbo.layers.multivariate_normal import ConditionalMultivariateNormalTriL
from kelbo.layers.noise import LocationScale, Noise
from kelbo.layers.normal import ConditionalNormal

__all__ = [
    "MADE",
    "AffineCoupling",
    "AffineTransform",
    "BlockAutoregressiveFlow",
    "Conditional",
    "ConditionalBernoulli",
    "ConditionalBijector",
    "ConditionalContinuousBernoulli",
    "ConditionalMultivariateNormalTriL",
    "ConditionalNormal",
    "CouplingFlow",
    "ElementwiseTransform",
    "Flow",
    "InverseAutoregressive",
    "InvertibleLinear",
    "KLDivergence",
    "LocationScale",
    "MaskedAutoregressive",
    "MaskedDense",
    "Noise",
    "ParameterHead",
    "ParametricBijector",
    "Permutation",
    "PlanarFlow",
    "RadialFlow",
    "ShiftTransform",
    "SplineCoupling",
    "SplineTransform",
    "StochasticBinarization",
    "SylvesterFlow",
]
