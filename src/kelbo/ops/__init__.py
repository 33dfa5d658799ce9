"""The ground floor: all of `keras.ops`, plus what Keras lacks on some backend."""

# ruff: noqa: F401, F403
from keras.ops import *

from kelbo.ops import random
from kelbo.ops.bessel import bessel_i0e, bessel_i1e, bessel_ratio
from kelbo.ops.bessel_orders import log_normalized_bessel_ie
from kelbo.ops.compilation import compile, is_concrete
from kelbo.ops.factorization import CholeskyError, cholesky
from kelbo.ops.float64 import *
from kelbo.ops.gradient_tap import gradient_tap
from kelbo.ops.gradients import value_and_grad, values_and_gradients
from kelbo.ops.incomplete_beta import betainc
from kelbo.ops.incomplete_gamma import gammainc, gammaincc
from kelbo.ops.inversion import invert_monotone
from kelbo.ops.memory import is_out_of_memory
from kelbo.ops.normal_interval import log_normal_cdf_difference
from kelbo.ops.ratio import ratio
from kelbo.ops.reductions import log_softmax, logcumsumexp, logsumexp, softmax
from kelbo.ops.saturating import expm1, sigmoid, tanh
from kelbo.ops.scanning import scan
from kelbo.ops.seeds import SeedSequence, whole_seed
from kelbo.ops.softplus import softplus
from kelbo.ops.special import (
    betaln,
    digamma,
    lgamma,
    log1mexp,
    log_normal_cdf,
    logit,
    normal_cdf,
    normal_quantile,
    softplus_inverse,
    xlog1py,
    xlogy,
)
from kelbo.ops.triangular import (
    add_to_diagonal,
    cho_solve,
    fill_triangular,
    fill_triangular_inverse,
    log_det_from_cholesky,
    solve_triangular,
)
