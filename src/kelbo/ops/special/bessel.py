"""Modified Bessel functions of the first kind, exponentially scaled: for von Mises."""

import math

from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.series import kind, polynomial
from kelbo.ops.special.bessel_orders import ratio_of_order
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def bessel_i0e(x: Tensor) -> Tensor:
    r"""The modified Bessel function of order 0, scaled: $e^{-|x|} I_0(x)$.

    The logarithm of $I_0$, without overflow, is `ops.log(ops.bessel_i0e(x)) + ops.abs(x)`.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`, in (0, 1].

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.bessel_i0e(1.0)), 4)
        0.4658
    """
    return _bessel_i0e(*as_floats(x))


@symbolic
def bessel_i1e(x: Tensor) -> Tensor:
    r"""The modified Bessel function of order 1, scaled: $e^{-|x|} I_1(x)$.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`, of its sign.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.bessel_i1e(1.0)), 4)
        0.2079
    """
    return _bessel_i1e(*as_floats(x))


@symbolic
def bessel_ratio(x: Tensor, order: float = 0.0) -> Tensor:
    r"""The ratio $I_{v+1}(x) / I_v(x)$: the mean resultant length of a concentration x.

    Of order $v = 0$ it is that of the von Mises distribution, of order $d / 2 - 1$ that of the von
    Mises-Fisher distribution in d dimensions. Its derivative is $1 - r^2 - (2 v + 1) r / x$,
    computed in a way in which the three terms do not cancel.

    Args:
        x: A tensor of any shape.
        order: $v \ge 0$, a number.

    Returns:
        A tensor of the shape of `x`, in (-1, 1) and of its sign.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.bessel_ratio(1.0)), 4)
        0.4464
    """
    (x,) = as_floats(x)
    return _bessel_ratio(x) if order == 0.0 else ratio_of_order(x, order)


def _i1e_slope(x, value):
    tiny = ops.abs(x) < 1e-30
    away = ops.where(tiny, 1.0, x)
    slope = backend.bessel_i0e(away) - value * (ops.sign(away) + 1.0 / away)
    # Near 0 the two terms are 1 and 1/2 to full accuracy, unless x is too small to divide by.
    return ops.where(tiny, 0.5, slope)


def _asymptotic(terms):
    """The coefficients c of I1(x) / I0(x) = c0 + c1 / x + ..., from r' = 1 - r / x - r²."""
    c = [1.0]
    for m in range(1, terms):
        c.append(0.5 * ((m - 2) * c[m - 1] - math.fsum(c[i] * c[m - i] for i in range(1, m))))
    return tuple(c)


# From where on the series has full accuracy, and its coefficients.
_FAR = {"float32": (12.0, _asymptotic(12)), "float64": (34.0, _asymptotic(26))}


def _ratio(x):
    start, coefficients = _FAR[kind(x)]
    size = ops.abs(x)
    far = size > start
    near = ops.where(far, 1.0, x)
    series = polynomial(1.0 / ops.where(far, size, start), coefficients)
    return ops.where(far, ops.sign(x) * series, backend.bessel_i1e(near) / backend.bessel_i0e(near))


def _ratio_slope(x, value):
    start, coefficients = _FAR[kind(x)]
    size = ops.abs(x)
    far, tiny = size > start, size < 1e-30
    inverse = 1.0 / ops.where(far, size, start)
    falling = [-k * c for k, c in enumerate(coefficients)][1:]
    series = inverse * inverse * polynomial(inverse, falling)
    over_x = ops.where(tiny, 0.5, value / ops.where(tiny, 1.0, x))
    return ops.where(far, series, 1.0 - value * value - over_x)


_bessel_i0e = with_derivatives(
    backend.bessel_i0e, [lambda x, value: _bessel_i1e(x) - ops.sign(x) * value]
)
_bessel_i1e = with_derivatives(backend.bessel_i1e, [_i1e_slope])
_bessel_ratio = with_derivatives(_ratio, [_ratio_slope])
