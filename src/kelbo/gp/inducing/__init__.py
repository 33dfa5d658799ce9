"""Inducing features: what sparse Gaussian processes are about."""

from kelbo.gp.inducing.activations import ActivationFeatures
from kelbo.gp.inducing.features import Features, InducingFeatures
from kelbo.gp.inducing.harmonics import SphericalHarmonics
from kelbo.gp.inducing.lookup import as_features
from kelbo.gp.inducing.orthogonal import OrthogonalFeatures
from kelbo.gp.inducing.points import InducingPoints
from kelbo.gp.inducing.spherical import SphericalFeatures

__all__ = [
    "ActivationFeatures",
    "Features",
    "InducingFeatures",
    "InducingPoints",
    "OrthogonalFeatures",
    "SphericalFeatures",
    "SphericalHarmonics",
    "as_features",
]
