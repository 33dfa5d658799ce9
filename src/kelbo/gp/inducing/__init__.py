"""Inducing features: what sparse Gaussian processes are about."""

from kelbo.gp.inducing.features import Features, InducingFeatures
from kelbo.gp.inducing.lookup import as_features
from kelbo.gp.inducing.orthogonal import OrthogonalFeatures
from kelbo.gp.inducing.points import InducingPoints

__all__ = ["Features", "InducingFeatures", "InducingPoints", "OrthogonalFeatures", "as_features"]
