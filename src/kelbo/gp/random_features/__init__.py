"""Features whose inner products are nearly a kernel: a process as a sum of waves."""

from kelbo.gp.random_features.features import (
    ConcatenatedFeatures,
    FourierFeatures,
    RandomFeatures,
    ScaledFeatures,
)
from kelbo.gp.random_features.fourier import fourier

__all__ = [
    "ConcatenatedFeatures",
    "FourierFeatures",
    "RandomFeatures",
    "ScaledFeatures",
    "fourier",
]
