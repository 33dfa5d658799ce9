"""Bijectors: invertible maps with the log-determinant of their Jacobian."""

from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.chain import Chain
from kelbo.bijectors.exp import Exp
from kelbo.bijectors.inverse import Inverse
from kelbo.bijectors.scale import Scale
from kelbo.bijectors.shift import Shift

__all__ = [
    "Bijector",
    "Chain",
    "Exp",
    "Inverse",
    "Scale",
    "Shift",
]
