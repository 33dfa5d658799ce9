"""Modified Bessel functions of the first kind of any order, by logarithm and ratio.

Of a high order Debye's expansion has full accuracy for every argument, 0 and infinity included. A
lower order is reached from there by the recurrence of the ratios, in which no terms cancel.
"""

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.floats import as_floats, maximum, minimum
from kelbo.ops.series import kind, polynomial
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

# From which order on, and with how many terms, the expansion is accurate.
_REACH = {"float32": (8.0, 7), "float64": (24.0, 12)}


class _Ratio(NamedTuple):
    """What is known of r(x) = I_{v+1}(x) / I_v(x), and of the logarithm of I_v."""

    per_x: Any  # r(x) / x
    ratio: Any
    rest: Any  # 1 - r(x)
    slope: Any  # r'(x)
    log_scaled: Any  # log of Γ(v + 1) (2 / x)^v e^-x I_v(x)


def _debye_polynomials(terms: int) -> list[list[Fraction]]:
    """Coefficients of U_0, U_1, ...: Olver, "Asymptotics and special functions", 10.7."""
    polynomials = [[Fraction(1)]]
    for _ in range(1, terms):
        last = polynomials[-1]
        following = [Fraction(0)] * (len(last) + 3)
        for power, coefficient in enumerate(last):
            slope, integral = power * coefficient / 2, coefficient / 8
            following[power + 1] += slope + integral / (power + 1)
            following[power + 3] -= slope + 5 * integral / (power + 3)
        polynomials.append(following)
    return polynomials


@functools.cache
def _expansions(order: float, terms: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    r"""Coefficients of $\sum_k U_k(p) v^{-k}$ and of $\sum_k (U_k / 2 + p U_k')(p) v^{-k}$."""
    polynomials = _debye_polynomials(terms)
    size = len(polynomials[-1])
    sums, slopes = [0.0] * size, [0.0] * size
    for k, coefficients in enumerate(polynomials):
        for power, coefficient in enumerate(coefficients):
            term = float(coefficient) * order**-k
            sums[power] += term
            slopes[power] += (0.5 + power) * term
    return tuple(sums), tuple(slopes)


def _derivative(coefficients: Sequence[float]) -> list[float]:
    return [power * coefficient for power, coefficient in enumerate(coefficients)][1:]


def _at(order: float, x: Tensor) -> _Ratio:
    """All of it, for a fixed order of at least 0 and x >= 0."""
    least, terms = _REACH[kind(x)]
    steps = max(0, math.ceil(least - order))
    top = order + steps
    sums, slopes = _expansions(top, terms)

    # Of the order `top`. No square of x is taken: it may overflow.
    larger, smaller = maximum(x, top), minimum(x, top)
    s = larger * ops.sqrt(1.0 + (smaller / larger) * (smaller / larger))
    p, c = top / s, x / s
    u, g = polynomial(p, sums), polynomial(p, slopes)
    share = g / u
    bend = (polynomial(p, _derivative(slopes)) - share * polynomial(p, _derivative(sums))) / u
    per_x = 1.0 / (s + top) - share / s / s
    ratio = x / (s + top) - c * share / s
    rest = (top * (top / (s + x)) + top) / (s + top) + c * share / s
    slope = p / (s + top) + (c * c * p * bend - (p * p - c * c) * share) / s / s
    growth = u / math.fsum(sums)
    way = x * (x / (s + top))  # s - top

    # Down to the order itself.
    for step in range(steps):
        j = top - step
        product = x * ratio
        below = 2.0 * j + product
        growth = growth * (1.0 + product / (2.0 * j)) / (1.0 + way / (2.0 * top))
        per_x, ratio = 1.0 / below, x / below
        rest = (2.0 * j - x * rest) / below
        slope = (2.0 * j - x * (x * slope)) / below / below

    less = ops.where(x < top, way - x, top * (top / (s + x)) - top)  # s - top - x
    powers = order * ops.log1p(way / (2.0 * top)) + 0.5 * ops.log1p(way / top)
    return _Ratio(per_x, ratio, rest, slope, less - powers + ops.log(growth))


@functools.cache
def _functions(order: float) -> dict[str, Callable]:
    """The differentiable functions of a fixed order, by name."""
    return {
        "ratio": with_derivatives(
            lambda x: ops.sign(x) * _at(order, ops.abs(x)).ratio,
            [lambda x, value: _at(order, ops.abs(x)).slope],
        ),
        "rest": with_derivatives(
            lambda x: _at(order, x).rest, [lambda x, value: -_at(order, x).slope]
        ),
        "log_scaled": with_derivatives(
            lambda x: _at(order, x).log_scaled, [lambda x, value: -_at(order, x).rest]
        ),
    }


@symbolic
def log_normalized_bessel_ie(x: Tensor, order: float) -> Tensor:
    r"""The logarithm of $\Gamma(v + 1)\,(2 / x)^v\, e^{-x} I_v(x)$, which is 0 at $x = 0$.

    It is the logarithm of ${}_0F_1(v + 1; x^2 / 4)$, less x. In d dimensions, with $v = d / 2 - 1$,
    it is that of the mean of $e^{x (t - 1)}$, where t is an entry of a random vector of length 1:
    the normaliser of von Mises and Fisher. By Debye's expansion (NIST Digital Library of
    Mathematical Functions, 10.41) and recurrence (10.29), without overflow or cancellation.

    Args:
        x: A tensor of numbers that are not negative.
        order: $v \ge 0$, a number.

    Returns:
        A tensor of the shape of `x`, at most 0.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.log_normalized_bessel_ie(2.0, order=0.5)), 4)  # log(sinh(2) / 2) - 2
        -1.4048
    """
    return _functions(float(order))["log_scaled"](*as_floats(x))


def ratio_of_order(x: Tensor, order: float) -> Tensor:
    """The ratio of the Bessel functions of the orders v + 1 and v, odd in x.

    Args:
        x: A floating tensor.
        order: The lower order v, at least 0.

    Returns:
        A tensor of the shape of `x`, in (-1, 1).
    """
    return _functions(float(order))["ratio"](x)


def ratio_complement(x: Tensor, order: float) -> Tensor:
    r"""$1 - I_{v+1}(x) / I_v(x)$ with all its digits, which goes to $(v + 1/2) / x$.

    Args:
        x: A floating tensor of numbers that are not negative.
        order: $v \ge 0$, a number.

    Returns:
        A tensor of the shape of `x`, in (0, 1].
    """
    return _functions(float(order))["rest"](x)


def ratio_per_argument(x: Tensor, order: float) -> Tensor:
    r"""$I_{v+1}(x) / (x I_v(x))$, which is $1 / (2 v + 2)$ at 0.

    Args:
        x: A floating tensor of numbers that are not negative.
        order: $v \ge 0$, a number.

    Returns:
        A tensor of the shape of `x`.
    """
    return _at(float(order), x).per_x


def ratio_slope(x: Tensor, order: float) -> Tensor:
    """The derivative by x of the ratio of the Bessel functions of the orders v + 1 and v.

    Args:
        x: A floating tensor of numbers that are not negative.
        order: The lower order v, at least 0.

    Returns:
        A tensor of the shape of `x`, positive.
    """
    return _at(float(order), x).slope
