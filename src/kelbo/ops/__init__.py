"""The ground floor: all of `keras.ops`, plus what Keras lacks on some backend."""

# ruff: noqa: F401
from typing import TYPE_CHECKING

from keras.ops import *

from kelbo.ops import linalg, random
from kelbo.ops.autodiff import (
    gradient_tap,
    gradients_of_each,
    invert_monotone,
    value_and_grad,
    values_and_gradients,
)
from kelbo.ops.compilation import compile, is_concrete
from kelbo.ops.float64 import *
from kelbo.ops.float64 import enable_float64
from kelbo.ops.linalg import (
    CholeskyError,
    add_to_diagonal,
    cho_solve,
    cholesky,
    cholesky_append,
    cholesky_update,
    fill_triangular,
    fill_triangular_inverse,
    log_det_from_cholesky,
    solve_triangular,
)
from kelbo.ops.out_of_memory import is_out_of_memory
from kelbo.ops.pytrees import map_tensors
from kelbo.ops.reductions import log_softmax, logcumsumexp, logsumexp, softmax
from kelbo.ops.scanning import fori_loop, scan, while_loop
from kelbo.ops.seeds import SeedSequence, whole_seed
from kelbo.ops.special import (
    bessel_i0e,
    bessel_i1e,
    bessel_ratio,
    betainc,
    betaln,
    digamma,
    expm1,
    gammainc,
    gammaincc,
    lgamma,
    log1mexp,
    log_normal_cdf,
    log_normal_cdf_difference,
    log_normalized_bessel_ie,
    logit,
    normal_cdf,
    normal_quantile,
    ratio,
    sigmoid,
    softplus,
    softplus_inverse,
    tanh,
    xlog1py,
    xlogy,
)
from kelbo.ops.updates import update_if

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any:
        """The operations of Keras, which has no types: a type checker finds none of them."""
