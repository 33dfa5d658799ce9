"""The probability of an interval under the standard normal: for the truncated normal."""

import math

import numpy as np
from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.floats import together
from kelbo.ops.series import HALF_LOG_TWO_PI
from kelbo.ops.special.logarithms import log1mexp
from kelbo.ops.special.normal import log_normal_cdf, normal_cdf
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def log_normal_cdf_difference(a: Tensor, b: Tensor) -> Tensor:
    r"""The logarithm of a normal probability, $\log(\Phi(b) - \Phi(a))$, right in both tails.

    A short interval is integrated by Gauss-Legendre quadrature around its middle, so that nothing
    cancels; a long one is the difference of `log_normal_cdf` on the side of 0 where it lies. The
    derivatives, $-\varphi(a)$ and $\varphi(b)$ over $\Phi(b) - \Phi(a)$, are finite for a < b.

    Args:
        a: The lower end: a tensor, -inf where there is none.
        b: The upper end, broadcast against `a`; inf where there is none.

    Returns:
        A tensor of the broadcast shape; -inf where a = b and NaN where a > b.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.log_normal_cdf_difference(30.0, 31.0)), 3)
        -454.321
    """
    return _log_difference(*together(a, b))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def _value(a, b):
    empty, wrong = a == b, ~(a <= b)
    some = ~(empty | wrong)
    a, b = ops.where(some, a, -1.0), ops.where(some, b, 1.0)
    # The interval or its mirror image: its middle is not above 0.
    mirrored = a + b > 0.0
    a, b = ops.where(mirrored, -b, a), ops.where(mirrored, -a, b)

    half = 0.5 * (b - a)
    finite = half < math.inf
    middle = ops.where(finite, 0.5 * (a + b), 0.0)
    short = finite & (half * (half - middle) < 2.0)
    value = ops.where(
        short,
        _short(ops.where(short, middle, 0.0), ops.where(short, half, 1.0)),
        _long(ops.where(short, -2.0, a), ops.where(short, 2.0, b)),
    )
    value = ops.where(empty, -math.inf, value)
    return ops.where(wrong, ops.zeros_like(value) + math.nan, value)


def _short(middle, half):
    total = sum(
        0.5 * weight * ops.exp(-half * node * (middle + 0.5 * node * half))
        for node, weight in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True)
    )
    return ops.log(total) + ops.log(2.0 * half) - 0.5 * middle * middle - HALF_LOG_TWO_PI


def _long(a, b):
    """For a far below b, with the middle not above 0."""
    one_sided = b <= 0.0
    upper = log_normal_cdf(ops.where(one_sided, b, 0.0))
    lower = log_normal_cdf(ops.where(one_sided, a, -math.inf))
    left = upper + ops.where(lower == -math.inf, 0.0, log1mexp(_finite(lower) - upper))
    outside = ops.where(one_sided, 0.0, normal_cdf(a) + normal_cdf(-b))
    return ops.where(one_sided, left, ops.log1p(-outside))


def _finite(x):
    return ops.where(x == -math.inf, -1e4, x)


def _log_density(x):
    return -0.5 * x * x - HALF_LOG_TWO_PI


_log_difference = with_derivatives(
    _value,
    [
        lambda a, b, value: -ops.exp(_log_density(a) - value),
        lambda a, b, value: ops.exp(_log_density(b) - value),
    ],
)
