"""Distributions of directions: angles and points of a sphere."""

from kelbo.distributions.directions.spherical_uniform import SphericalUniform
from kelbo.distributions.directions.von_mises import VonMises
from kelbo.distributions.directions.von_mises_fisher import VonMisesFisher

__all__ = ["SphericalUniform", "VonMises", "VonMisesFisher"]
