"""Series that special functions share, for the places where their closed forms cancel."""

import math
from collections.abc import Callable, Sequence

from keras import ops

from kelbo.typing import Tensor


def polynomial(t: Tensor, coefficients: Sequence[float]) -> Tensor:
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
_ATANH = {
    name: tuple(1.0 / (2 * k + 3) for k in range(terms))
    for name, terms in (("float32", 7), ("float64", 16))
}


def log1p_minus(t: Tensor) -> Tensor:
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
    series = polynomial(y, _ATANH[kind(t)])
    far = ops.where(near, 1.0, t)
    return ops.where(near, r * (2.0 * y * series - small), ops.log1p(far) - far)


def log_ratio_minus(ratio: Tensor, t: Tensor) -> Tensor:
    """As `log1p_minus(t)`, with the ratio 1 + t given too, which is exact where t is near -1.

    Args:
        ratio: A positive tensor.
        t: A tensor, ratio - 1.

    Returns:
        A tensor of the shape of `t`.
    """
    return ops.where(t < -0.5, ops.log(ratio) - t, log1p_minus(ops.where(t < -0.5, 0.0, t)))


def kind(x: Tensor) -> str:
    """The dtype of `x`, as "float32" (or less) or "float64": how many terms a series needs."""
    return "float64" if "64" in str(x.dtype) else "float32"


def count_down(step: Callable, terms: int, last: Tensor) -> Tensor:
    """A series or continued fraction from its last term to its first, in a compiled loop.

    Args:
        step: Takes the number of a term (as a floating scalar) and what the terms after it give,
            and returns what they give together with it.
        terms: How many terms there are.
        last: What is after the last term: a tensor.

    Returns:
        What the first term and all after it give.
    """

    def body(i, rest):
        return step(ops.cast(terms - i, last.dtype), rest)

    return ops.fori_loop(0, terms, body, last)


# Minimax coefficients of the series in 1 / z^2, from Algorithm 708 (function bcorr), for z >= 8.
_STIRLING = (
    0.833333333333333e-01,
    -0.277777777760991e-02,
    0.793650666825390e-03,
    -0.595202931351870e-03,
    0.837308034031215e-03,
    -0.165322962780713e-02,
)


def stirling_correction(z: Tensor) -> Tensor:
    """What Stirling leaves: log Γ(z) - ((z - 1/2) log z - z + log(2π) / 2), for z >= 8.

    Args:
        z: A tensor, at least 8.

    Returns:
        A tensor of the shape of `z`.
    """
    inverse = 1.0 / z
    return inverse * polynomial(inverse * inverse, _STIRLING)


HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def lgamma_of_one_plus(a: Tensor) -> Tensor:
    """The function log Γ(1 + a) for 0 <= a <= 8, relatively accurate near 0.

    The `lgamma` of XLA is off by 3e-6 in float32.

    Args:
        a: A tensor of numbers in [0, 8].

    Returns:
        A tensor of the shape of `a`.
    """
    fraction, product = a, ops.ones_like(a)
    for _ in range(8):
        high = fraction > 0.5
        product = ops.where(high, product * fraction, product)
        fraction = ops.where(high, fraction - 1.0, fraction)
    return (
        fraction * polynomial(fraction, _LGAMMA[kind(a)]) - ops.log1p(fraction) + ops.log(product)
    )


# (1 - γ), and (-1)^k (ζ(k) - 1) / k for k = 2, 3, ...
_LGAMMA_IN_FLOAT64 = (
    0.42278433509846713,
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
)
_LGAMMA = {"float32": _LGAMMA_IN_FLOAT64[:11], "float64": _LGAMMA_IN_FLOAT64}
