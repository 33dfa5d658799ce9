"""Convex functions that make f-divergences; `kelbo.divergences.f` for short."""

from kelbo.divergences.f_functions.csiszar_function import (
    CsiszarFunction,
    Dual,
    Symmetrized,
    Tilted,
)
from kelbo.divergences.f_functions.kinked import Log1pAbs, TotalVariation
from kelbo.divergences.f_functions.kullback_leibler import Jeffreys, KLForward, KLReverse
from kelbo.divergences.f_functions.midpoint import (
    ArithmeticGeometric,
    JensenShannon,
    ModifiedGAN,
    Triangular,
)
from kelbo.divergences.f_functions.powers import (
    Amari,
    ChiSquare,
    Pearson,
    SquaredHellinger,
    TPower,
)

__all__ = [
    "Amari",
    "ArithmeticGeometric",
    "ChiSquare",
    "CsiszarFunction",
    "Dual",
    "Jeffreys",
    "JensenShannon",
    "KLForward",
    "KLReverse",
    "Log1pAbs",
    "ModifiedGAN",
    "Pearson",
    "SquaredHellinger",
    "Symmetrized",
    "TPower",
    "Tilted",
    "TotalVariation",
    "Triangular",
]
