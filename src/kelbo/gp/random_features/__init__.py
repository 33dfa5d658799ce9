"""Features whose inner products are nearly a kernel: a process as a sum of waves."""

from kelbo.gp.random_features.features import FourierFeatures, RandomFeatures
from kelbo.gp.random_features.fourier import fourier

__all__ = ["FourierFeatures", "RandomFeatures", "fourier"]
