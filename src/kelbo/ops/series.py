"""Series that special functions share, for the places where their closed forms cancel."""

import math
from collections.abc import Sequence
from typing import Any

from keras import ops


def polynomial(t: Any, coefficients: Sequence[float]) -> Any:
    """The value of c0 + c1 t + c2 t² + ..., by Horner's rule.

    Args:
        t: A tensor.
        coefficients: c0, c1, c2, ...

    Returns:
        A tensor of the shape of `t`.
    """
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = coefficient + t * value
    return value


# 1/3 + y/5 + y²/7 + ...: with r = t / (2 + t), log(1 + t) is 2 r (1 + r²/3 + r⁴/5 + ...).
_ATANH = tuple(1.0 / (2 * k + 3) for k in range(16))
_ATANH_IN_FLOAT32 = _ATANH[:7]


def log1p_minus(t: Any) -> Any:
    """The function log(1 + t) - t, at most 0, with full relative accuracy near 0.

    Args:
        t: A tensor, above -1.

    Returns:
        A tensor of the shape of `t`.
    """
    near = ops.logical_and(t > -0.5, t < 1.0)
    small = ops.where(near, t, 0.0)
    r = small / (2.0 + small)
    y = r * r
    series = polynomial(y, _ATANH if "64" in str(t.dtype) else _ATANH_IN_FLOAT32)
    far = ops.where(near, 1.0, t)
    return ops.where(near, r * (2.0 * y * series - small), ops.log1p(far) - far)


# Minimax coefficients of the series in 1 / z^2, from Algorithm 708 (function bcorr), for z >= 8.
_STIRLING = (
    0.833333333333333e-01,
    -0.277777777760991e-02,
    0.793650666825390e-03,
    -0.595202931351870e-03,
    0.837308034031215e-03,
    -0.165322962780713e-02,
)


def stirling_correction(z: Any) -> Any:
    """What Stirling leaves: log Γ(z) - ((z - 1/2) log z - z + log(2π) / 2), for z >= 8.

    Args:
        z: A tensor, at least 8.

    Returns:
        A tensor of the shape of `z`.
    """
    inverse = 1.0 / z
    return inverse * polynomial(inverse * inverse, _STIRLING)


HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
