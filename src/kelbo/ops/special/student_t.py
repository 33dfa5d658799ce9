"""What Student's t distributions of numbers and of vectors have in common."""

import math

import keras
import numpy as np

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.autodiff.inversion import invert_monotone
from kelbo.ops.floats import together
from kelbo.ops.special.gamma_density import log_minus_digamma, stirling_rest
from kelbo.ops.special.incomplete_beta import betainc
from kelbo.ops.special.quadrature import LARGE, integrate, nats
from kelbo.ops.special.saturating import expm1
from kelbo.typing import Tensor

_LOG_2PI_E = math.log(2.0 * math.pi) + 1.0


def log_constant(df: Tensor, size: int) -> Tensor:
    r"""$\log \Gamma(\frac{\nu + d}{2}) - \log \Gamma(\frac{\nu}{2}) - \frac{d}{2} \log(\nu \pi)$.

    Args:
        df: $\nu$.
        size: $d$.

    Returns:
        A tensor of the shape of `df`; for large ones it goes to that of a normal distribution.
    """
    half = 0.5 * df
    log_ratio = ops.log1p(size / df)
    rests = stirling_rest(half + 0.5 * size) - stirling_rest(half)
    return (half + 0.5 * (size - 1.0)) * log_ratio - 0.5 * size * _LOG_2PI_E + rests


def mean_log1p(df: Tensor, size: int) -> Tensor:
    r"""The mean of $\log(1 + q / \nu)$ for the squared distance $q$ of a draw to the center.

    Args:
        df: $\nu$.
        size: Number of entries of a draw.

    Returns:
        $\psi(\frac{\nu + d}{2}) - \psi(\frac{\nu}{2})$, of the shape of `df`.
    """
    half = 0.5 * df
    gaps = log_minus_digamma(half) - log_minus_digamma(half + 0.5 * size)
    return ops.log1p(size / df) + gaps


def where_defined(df: Tensor, least: float, value: Tensor, otherwise: float) -> Tensor:
    r"""The value where `df` is above `least`, and `otherwise` elsewhere.

    Args:
        df: $\nu$.
        least: Where the moment of this order begins to be finite.
        value: A tensor of the broadcast shape.
        otherwise: NaN or infinity.

    Returns:
        A tensor of the broadcast shape.
    """
    return ops.where(df > least, value, ops.full_like(value, otherwise))


def variance_factor(df: Tensor) -> Tensor:
    r"""$\nu / (\nu - 2)$; infinite for $1 < \nu \le 2$, NaN below.

    Args:
        df: $\nu$.

    Returns:
        A tensor of the shape of `df`.
    """
    safe = ops.where(df > 2.0, df, ops.full_like(df, 3.0))
    factor = where_defined(df, 2.0, safe / (safe - 2.0), math.inf)
    return where_defined(df, 1.0, factor, math.nan)


def log_density(df: Tensor, z: Tensor, dtype: str) -> Tensor:
    r"""Log density of a number with the center 0 and the scale 1.

    Args:
        df: $\nu$.
        z: The number.
        dtype: Floating dtype of both.

    Returns:
        A tensor of the broadcast shape.
    """
    # z² / df is w² r. Far out it would overflow, and 1 is nothing beside it: there log1p(w) serves.
    few, one = df < 1.0, ops.ones_like(df)
    rest = 1.0 / ops.where(few, df, one)
    w = ops.abs(z) * (1.0 / ops.sqrt(ops.where(few, one, df)))
    far = w > (1e9 if dtype == "float32" else 1e18)
    near = ops.where(far, ops.ones_like(w), w)
    log1p = ops.log1p(ops.where(far, w, near * near * rest))
    log1p = ops.where(far, 2.0 * log1p + ops.log(rest), log1p)
    return log_constant(df, 1) - 0.5 * (df + 1.0) * log1p


def _tail_parts(df, z):
    """The mass beyond z, which is not negative: a factor, and the logarithm of another."""
    large = df >= LARGE
    # By a Beta number on the side where its rounding does no harm.
    low = ops.where(large, ops.ones_like(df), df)
    ratio = z / ops.sqrt(low)
    near = ratio < 1.0
    squared = ops.square(ops.where(near, ratio, 1.0 / ops.where(near, ops.ones_like(z), ratio)))
    half = 0.5 * ops.ones_like(low)
    one, other = ops.where(near, half, 0.5 * low), ops.where(near, 0.5 * low, half)
    share = 0.5 * betainc(one, other, squared / (1.0 + squared))
    by_beta = ops.where(near, 0.5 - share, share)
    # Far out, where the argument of the beta function underflows, the tail is a power of z.
    dtype = keras.backend.standardize_dtype(z.dtype)
    far = ratio > (1e6 if dtype == "float32" else 1e10)
    away = ops.where(far, z, ops.ones_like(z))
    log_power = log_density(low, away, dtype) + ops.log(away) - ops.log(low)
    zero = ops.zeros_like(z)

    # By quadrature from z to where the density has fallen by so much that the rest is lost.
    high = ops.where(large, df, ops.full_like(df, LARGE))
    z = ops.where(large, z, zero)
    # In units of sqrt(df + z²), whose square may overflow.
    most = ops.maximum(z, ops.sqrt(high))
    unit = most * ops.sqrt(ops.square(z / most) + high / most / most)
    start = z / unit
    fall = expm1(2.0 * nats(z) / (high + 1.0))
    span = fall / (start + ops.sqrt(ops.square(start) + fall))

    def integrand(u):
        step = u * span
        return ops.exp(-0.5 * (high + 1.0) * ops.log1p(step * (2.0 * start + step)))

    factor = ops.where(large, unit * span * integrate(integrand, z), ops.where(far, 1.0, by_beta))
    rest = ops.where(large, log_density(high, z, dtype), ops.where(far, log_power, zero))
    return factor, rest


def _tail_value(df, z):
    factor, rest = _tail_parts(df, z)
    return factor * ops.exp(rest)


def _log_tail_value(df, s):
    factor, rest = _tail_parts(df, ops.sinh(s))
    return ops.log(factor) + rest


def _log_tail_by_df(df, s, value):
    """A central difference of fourth order."""
    step = df * (0.03 if "32" in keras.backend.standardize_dtype(df.dtype) else 1e-3)
    pair = _log_tail(df + step, s) - _log_tail(df - step, s)
    wide = _log_tail(df + 2.0 * step, s) - _log_tail(df - 2.0 * step, s)
    return (8.0 * pair - wide) / (12.0 * step)


def _log_density(df, z):
    return log_density(df, z, keras.backend.standardize_dtype(z.dtype))


# By the inverse hyperbolic sine of z: the cosine of that may be out of range where the product with
# the density is not.
_log_tail = with_derivatives(
    _log_tail_value,
    [
        _log_tail_by_df,
        lambda df, s, value: -ops.exp(_log_density(df, ops.sinh(s)) + ops.log(ops.cosh(s)) - value),
    ],
)
_tail = with_derivatives(
    _tail_value,
    [
        lambda df, z, value: value * _log_tail_by_df(df, ops.arcsinh(z), None),
        lambda df, z, value: -ops.exp(_log_density(df, z)),
    ],
)
_of_tail = invert_monotone(
    lambda s, df: _tail(df, ops.sinh(s)), logarithm=lambda s, df: _log_tail(df, s)
)


def cdf(df: Tensor, z: Tensor) -> Tensor:
    r"""Distribution function of a number with the center 0 and the scale 1.

    By the incomplete beta function where `df` is below 20, else by quadrature; with full relative
    accuracy in the left tail. The derivative by `df` is a finite difference.

    Args:
        df: $\nu$.
        z: The number.

    Returns:
        A tensor of the broadcast shape.
    """
    df, z = together(df, z)
    tail = _tail(df, ops.where(z < 0, -z, z))
    return ops.where(z < 0, tail, 1.0 - tail)


def quantile(df: Tensor, probability: Tensor) -> Tensor:
    r"""The inverse of `cdf`, by bisection in the inverse hyperbolic sine of the number.

    Args:
        df: $\nu$.
        probability: The share of the mass below.

    Returns:
        A tensor of the broadcast shape.
    """
    df, p = together(df, probability)
    lower = p < 0.5
    share = ops.where(lower, p, 1.0 - p)
    empty = share <= 0
    share = ops.where(empty, 0.5 * ops.ones_like(share), share)
    dtype = keras.backend.standardize_dtype(df.dtype)
    highest = math.log(float(np.finfo(dtype).max))  # its hyperbolic sine is half of that
    s = _of_tail(share, 0.0, highest, df)
    beyond = _tail(df, ops.full_like(df, 0.99 * float(np.finfo(dtype).max))) > share
    z = ops.where(ops.logical_or(empty, beyond), ops.full_like(s, math.inf), ops.sinh(s))
    return ops.where(lower, -z, z)
