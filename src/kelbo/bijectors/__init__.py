"""Bijectors: invertible maps with the log-determinant of their Jacobian."""

from kelbo.bijectors.affine import Affine
from kelbo.bijectors.affine_tril import AffineTriL
from kelbo.bijectors.autoregressive import Autoregressive
from kelbo.bijectors.batch_normalization import BatchNormalization
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.block_autoregressive import BlockAutoregressive
from kelbo.bijectors.chain import Chain
from kelbo.bijectors.cholesky_factor import CholeskyFactor
from kelbo.bijectors.cholesky_outer_product import CholeskyOuterProduct
from kelbo.bijectors.correlation_cholesky import CorrelationCholesky
from kelbo.bijectors.coupling import Coupling
from kelbo.bijectors.exp import Exp
from kelbo.bijectors.fill_triangular import FillTriangular
from kelbo.bijectors.identity import Identity
from kelbo.bijectors.inline import Inline
from kelbo.bijectors.inverse import Inverse
from kelbo.bijectors.invertible_linear import InvertibleLinear
from kelbo.bijectors.log import Log
from kelbo.bijectors.log_simplex import LogSimplex
from kelbo.bijectors.onto import onto, register_onto
from kelbo.bijectors.ordered import Ordered
from kelbo.bijectors.permute import Permute
from kelbo.bijectors.planar import Planar, invertible_u
from kelbo.bijectors.power import Power
from kelbo.bijectors.radial import Radial, invertible_beta
from kelbo.bijectors.rational_quadratic_spline import RationalQuadraticSpline
from kelbo.bijectors.reshape import Reshape
from kelbo.bijectors.scale import Scale
from kelbo.bijectors.scale_tril import ScaleTriL
from kelbo.bijectors.shift import Shift
from kelbo.bijectors.sigmoid import Sigmoid
from kelbo.bijectors.simplex import Simplex
from kelbo.bijectors.softplus import Softplus
from kelbo.bijectors.split import Split
from kelbo.bijectors.stack import Stack
from kelbo.bijectors.sylvester import Sylvester
from kelbo.bijectors.tanh import Tanh

__all__ = [
    "Affine",
    "AffineTriL",
    "Autoregressive",
    "BatchNormalization",
    "Bijector",
    "BlockAutoregressive",
    "Chain",
    "CholeskyFactor",
    "CholeskyOuterProduct",
    "CorrelationCholesky",
    "Coupling",
    "Exp",
    "FillTriangular",
    "Identity",
    "Inline",
    "Inverse",
    "InvertibleLinear",
    "Log",
    "LogSimplex",
    "Ordered",
    "Permute",
    "Planar",
    "Power",
    "Radial",
    "RationalQuadraticSpline",
    "Reshape",
    "Scale",
    "ScaleTriL",
    "Shift",
    "Sigmoid",
    "Simplex",
    "Softplus",
    "Split",
    "Stack",
    "Sylvester",
    "Tanh",
    "invertible_beta",
    "invertible_u",
    "onto",
    "register_onto",
]
