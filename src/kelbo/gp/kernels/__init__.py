"""Kernels: covariance functions of Gaussian processes, as Keras layers."""

from kelbo.gp.kernels.combinations import Product, Sum
from kelbo.gp.kernels.constant import Constant, White
from kelbo.gp.kernels.dot_product import Linear, Polynomial
from kelbo.gp.kernels.kernel import Kernel
from kelbo.gp.kernels.stationary import (
    RBF,
    Matern12,
    Matern32,
    Matern52,
    RationalQuadratic,
    Stationary,
)

__all__ = [
    "RBF",
    "Constant",
    "Kernel",
    "Linear",
    "Matern12",
    "Matern32",
    "Matern52",
    "Polynomial",
    "Product",
    "RationalQuadratic",
    "Stationary",
    "Sum",
    "White",
]
