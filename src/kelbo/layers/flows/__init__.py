"""Normalizing flows: layers that own the networks and variables of bijectors."""

from kelbo.layers.flows.autoregressive import InverseAutoregressive, MaskedAutoregressive
from kelbo.layers.flows.autoregressive_normal import ConditionalAutoregressiveNormal
from kelbo.layers.flows.batch_normalization import BatchNormalization
from kelbo.layers.flows.block_autoregressive import BlockAutoregressiveFlow
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.flows.coupling import AffineCoupling, CouplingFlow, SplineCoupling
from kelbo.layers.flows.flow import Flow
from kelbo.layers.flows.invertible_linear import InvertibleLinear
from kelbo.layers.flows.made import MADE
from kelbo.layers.flows.masked_dense import MaskedDense
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.layers.flows.permutation import Permutation
from kelbo.layers.flows.planar import PlanarFlow
from kelbo.layers.flows.radial import RadialFlow
from kelbo.layers.flows.sylvester import SylvesterFlow
from kelbo.layers.flows.transforms import (
    AffineTransform,
    ElementwiseTransform,
    ShiftTransform,
    SplineTransform,
)

__all__ = [
    "MADE",
    "AffineCoupling",
    "AffineTransform",
    "BatchNormalization",
    "BlockAutoregressiveFlow",
    "ConditionalAutoregressiveNormal",
    "ConditionalBijector",
    "CouplingFlow",
    "ElementwiseTransform",
    "Flow",
    "InverseAutoregressive",
    "InvertibleLinear",
    "MaskedAutoregressive",
    "MaskedDense",
    "ParametricBijector",
    "Permutation",
    "PlanarFlow",
    "RadialFlow",
    "ShiftTransform",
    "SplineCoupling",
    "SplineTransform",
    "SylvesterFlow",
]
