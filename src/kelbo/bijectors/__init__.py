"""Bijectors: invertible maps with the log-determinant of their Jacobian."""

from kelbo.bijectors.affine import Affine
from kelbo.bijectors.affine_tril import AffineTriL
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.chain import Chain
from kelbo.bijectors.cholesky_factor import CholeskyFactor
from kelbo.bijectors.cholesky_outer_product import CholeskyOuterProduct
from kelbo.bijectors.correlation_cholesky import CorrelationCholesky
from kelbo.bijectors.exp import Exp
from kelbo.bijectors.fill_triangular import FillTriangular
from kelbo.bijectors.identity import Identity
from kelbo.bijectors.inline import Inline
from kelbo.bijectors.inverse import Inverse
from kelbo.bijectors.log import Log
from kelbo.bijectors.onto import onto, register_onto
from kelbo.bijectors.ordered import Ordered
from kelbo.bijectors.permute import Permute
from kelbo.bijectors.power import Power
from kelbo.bijectors.reshape import Reshape
from kelbo.bijectors.scale import Scale
from kelbo.bijectors.scale_tril import ScaleTriL
from kelbo.bijectors.shift import Shift
from kelbo.bijectors.sigmoid import Sigmoid
from kelbo.bijectors.simplex import Simplex
from kelbo.bijectors.softplus import Softplus
from kelbo.bijectors.split import Split
from kelbo.bijectors.stack import Stack
from kelbo.bijectors.tanh import Tanh

__all__ = [
    "Affine",
    "AffineTriL",
    "Bijector",
    "Chain",
    "CholeskyFactor",
    "CholeskyOuterProduct",
    "CorrelationCholesky",
    "Exp",
    "FillTriangular",
    "Identity",
    "Inline",
    "Inverse",
    "Log",
    "Ordered",
    "Permute",
    "Power",
    "Reshape",
    "Scale",
    "ScaleTriL",
    "Shift",
    "Sigmoid",
    "Simplex",
    "Softplus",
    "Split",
    "Stack",
    "Tanh",
    "onto",
    "register_onto",
]
