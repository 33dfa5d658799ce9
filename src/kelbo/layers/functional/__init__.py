"""The pieces of the functional style."""

from kelbo.layers.functional.bijection import Bijection
from kelbo.layers.functional.binarization import StochasticBinarization
from kelbo.layers.functional.divergence import KLDivergence
from kelbo.layers.functional.noise import LocationScale, Noise

__all__ = ["Bijection", "KLDivergence", "LocationScale", "Noise", "StochasticBinarization"]
