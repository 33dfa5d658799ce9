"""Kernels: covariance functions of Gaussian processes, as Keras layers."""

from kelbo.gp.kernels.categories import Categorical, Hamming
from kelbo.gp.kernels.combinations import Product, Sum
from kelbo.gp.kernels.constant import Constant, White
from kelbo.gp.kernels.dot_product import Linear, Polynomial
from kelbo.gp.kernels.kernel import Kernel
from kelbo.gp.kernels.periodic import Cosine, Periodic, SpectralMixture
from kelbo.gp.kernels.stationary import (
    RBF,
    Matern12,
    Matern32,
    Matern52,
    RationalQuadratic,
    Stationary,
)
from kelbo.gp.kernels.zonal import ArcCosine, Zonal, ZonalMatern

__all__ = [
    "RBF",
    "ArcCosine",
    "Categorical",
    "Constant",
    "Cosine",
    "Hamming",
    "Kernel",
    "Linear",
    "Matern12",
    "Matern32",
    "Matern52",
    "Periodic",
    "Polynomial",
    "Product",
    "RationalQuadratic",
    "SpectralMixture",
    "Stationary",
    "Sum",
    "White",
    "Zonal",
    "ZonalMatern",
]
