"""Special functions: float32 and float64, differentiable, also on `KerasTensor`s."""

from kelbo.ops.special.bessel import bessel_i0e, bessel_i1e, bessel_ratio
from kelbo.ops.special.bessel_orders import log_normalized_bessel_ie
from kelbo.ops.special.gamma import betaln, digamma, lgamma
from kelbo.ops.special.incomplete_beta import betainc
from kelbo.ops.special.incomplete_gamma import gammainc, gammaincc
from kelbo.ops.special.logarithms import log1mexp, logit, softplus_inverse, xlog1py, xlogy
from kelbo.ops.special.normal import log_normal_cdf, normal_cdf, normal_quantile
from kelbo.ops.special.normal_interval import log_normal_cdf_difference
from kelbo.ops.special.ratio import ratio
from kelbo.ops.special.saturating import expm1, sigmoid, tanh
from kelbo.ops.special.softplus import softplus

__all__ = [
    "bessel_i0e",
    "bessel_i1e",
    "bessel_ratio",
    "betainc",
    "betaln",
    "digamma",
    "expm1",
    "gammainc",
    "gammaincc",
    "lgamma",
    "log1mexp",
    "log_normal_cdf",
    "log_normal_cdf_difference",
    "log_normalized_bessel_ie",
    "logit",
    "normal_cdf",
    "normal_quantile",
    "ratio",
    "sigmoid",
    "softplus",
    "softplus_inverse",
    "tanh",
    "xlog1py",
    "xlogy",
]
