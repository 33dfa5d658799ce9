"""The regularised incomplete gamma functions: distribution functions of Gamma and Poisson."""

import math

from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.floats import maximum, minimum, together
from kelbo.ops.series import (
    HALF_LOG_TWO_PI,
    count_down,
    kind,
    lgamma_of_one_plus,
    log_ratio_minus,
    stirling_correction,
)
from kelbo.ops.special.gamma_slope import gamma_slope
from kelbo.ops.special.quadrature import LARGE, integrate, nats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def gammainc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised lower incomplete gamma function.

    $$P(a, x) = \frac{1}{\Gamma(a)} \int_0^x t^{a - 1} e^{-t}\, dt$$

    The distribution function of a Gamma variable of concentration a and rate 1. The derivative by x
    is its density.

    Where it is small it has a relative error of a few units in the last place, so far as x and a
    do: a Gamma with a = 1e4 multiplies an error of x by 100 in its bulk.

    Args:
        a: A positive tensor.
        x: A non-negative tensor, broadcast against `a`.

    Returns:
        A tensor of the broadcast shape; 0 at x = 0 and 1 at x = inf, NaN where an argument is
        negative.

    Example:
        >>> from kelbo import ops
        >>> float(ops.gammainc(1.0, 2.0))  # 1 - exp(-2)
        0.8646...
    """
    return _lower(*together(a, x))


@symbolic
def gammaincc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised upper incomplete gamma function, $Q(a, x) = 1 - P(a, x)$.

    Without the cancellation of that difference: see `gammainc`, which says the rest too.

    Args:
        a: A positive tensor.
        x: A non-negative tensor, broadcast against `a`.

    Returns:
        A tensor of the broadcast shape; 1 at x = 0 and 0 at x = inf, NaN where an argument is
        negative.

    Example:
        >>> from kelbo import ops
        >>> float(ops.gammaincc(1.0, 2.0))  # exp(-2)
        0.1353...
    """
    return _upper(*together(a, x))


def _lower_value(a, x):
    return _both(a, x)[0]


def _upper_value(a, x):
    return _both(a, x)[1]


def _both(a, x):
    """The functions P and Q."""
    valid = ops.logical_and(a > 0.0, x >= 0.0)
    inner = ops.logical_and(valid, ops.logical_and(x > 0.0, x < math.inf))
    inner = ops.logical_and(inner, a < math.inf)
    a_in, x_in = ops.where(inner, a, 1.0), ops.where(inner, x, 1.0)
    lower, upper = _both_inside(a_in, x_in)
    none, whole = ops.zeros_like(a_in), ops.ones_like(a_in)
    # At the ends: nothing below x = 0 or for a = inf, all of it below x = inf.
    empty = ops.logical_or(x == 0.0, ops.logical_and(a == math.inf, x < math.inf))
    nan = none + math.nan
    outside_lower = ops.where(valid, ops.where(empty, none, whole), nan)
    outside_upper = ops.where(valid, ops.where(empty, whole, none), nan)
    return ops.where(inner, lower, outside_lower), ops.where(inner, upper, outside_upper)


def _both_inside(a, x):
    large = a >= LARGE
    log_power = _log_power(a, x)

    a_large, x_large = ops.where(large, a, LARGE), ops.where(large, x, LARGE)
    above = x_large > a_large
    tail = ops.exp(_log_power(a_large, x_large)) * a_large * _tail_integral(a_large, x_large, above)

    a, x = ops.where(large, 1.0, a), ops.where(large, 1.0, x)
    power = ops.exp(ops.where(large, 0.0, log_power))
    by_fraction = x > ops.where(a > 0.1, a + 1.0, 1.1)
    series = power * _series(a, ops.where(by_fraction, 0.1 * a, x))
    fraction = power * a * _fraction(a, ops.where(by_fraction, x, a + 2.0))
    # A small a puts nearly all of the mass below x: a series of its own for the little above.
    little = ops.logical_and(x < 1.1, a * maximum(-ops.log(x), 1.0) < 0.4)
    upper_series = _upper_series(ops.where(little, a, 0.1), ops.where(little, x, 0.5))

    from_above = ops.logical_or(ops.logical_and(large, above), ops.logical_and(~large, by_fraction))
    direct = ops.where(large, tail, ops.where(by_fraction, fraction, series))
    direct = minimum(direct, 1.0)
    lower = ops.where(from_above, 1.0 - direct, direct)
    upper = ops.where(from_above, direct, 1.0 - direct)
    return lower, ops.where(ops.logical_and(~large, little), upper_series, upper)


def _log_power(a, x):
    """The logarithm of x^a e^(-x) / Γ(a + 1); for large a by the distance of x to a."""
    large = a >= 8.0
    high = ops.where(large, a, 8.0)
    distance = log_ratio_minus(x / high, (x - high) / high)
    by_distance = (
        high * distance - 0.5 * ops.log(high) - HALF_LOG_TWO_PI - stirling_correction(high)
    )
    low = ops.where(large, 1.0, a)
    direct = low * ops.log(x) - x - lgamma_of_one_plus(low)
    return ops.where(large, by_distance, direct)


# How many terms full accuracy takes for a < LARGE, where each of the two is used.
_SERIES_TERMS = {"float32": 36, "float64": 54}
_FRACTION_TERMS = {"float32": 24, "float64": 92}


def _series(a, x):
    """The sum 1 + x / (a + 1) + x² / ((a + 1) (a + 2)) + ..., for x not above a + 1."""

    def step(n, total):
        return 1.0 + x / (a + n) * total

    return count_down(step, _SERIES_TERMS[kind(x)], ops.ones_like(x))


def _fraction(a, x):
    """The continued fraction of Γ(a, x) e^x x^(-a), for x above a + 1, from its end."""
    b = x + 1.0 - a

    def step(n, rest):
        return -n * (n - a) / (b + 2.0 * n + rest)

    return 1.0 / (b + count_down(step, _FRACTION_TERMS[kind(x)], ops.zeros_like(x)))


def _upper_series(a, x):
    """Q for small a and x: 1 - x^a / Γ(a + 1) less the sum over k of a (-x)^k / (k! (a + k))."""
    log_ratio = a * ops.log(x) - lgamma_of_one_plus(a)
    total, term = ops.zeros_like(x), ops.ones_like(x)
    for k in range(1, 22):
        term = -term * x / k
        total = total + term / (a + k)
    return -ops.expm1(log_ratio) - ops.exp(log_ratio) * a * total


def _tail_integral(a, x, above):
    """The integral of (t / x)^(a - 1) e^(x - t) dt / x from x outwards, for a >= LARGE."""
    n = nats(x)
    # Where the integrand is e^-n: bounds of log(1 + u) - u by rational functions give its place.
    excess = x - (a - 1.0)
    curve = (a - 1.0) + 4.0 / 3.0 * excess
    slope = 2.0 * excess - 4.0 / 3.0 * n
    to_right = (-slope + ops.sqrt(slope * slope + 8.0 * n * curve)) / (2.0 * curve)
    to_left = 2.0 * n / (-excess + ops.sqrt(excess * excess + 2.0 * n * (a - 1.0)))
    span = ops.where(above, to_right, -minimum(to_left, 1.0))

    def integrand(u):
        u = u * span
        return ops.exp((a - 1.0) * log_ratio_minus(1.0 + u, u) - excess * u)

    return integrate(integrand, x) * ops.abs(span)


def _density(a, x):
    """The density of the Gamma variable at x: the derivative of P by x."""
    inner = ops.logical_and(ops.logical_and(x > 0.0, x < math.inf), a > 0.0)
    a_in, x_in = ops.where(inner, a, 1.0), ops.where(inner, x, 1.0)
    density = ops.exp(_log_power(a_in, x_in) + ops.log(a_in) - ops.log(x_in))
    at_zero = ops.where(a < 1.0, math.inf, ops.where(a == 1.0, 1.0, 0.0))
    return ops.where(inner, density, ops.where(x == 0.0, at_zero, 0.0))


def _by_a(a, x):
    inner = ops.logical_and(ops.logical_and(x > 0.0, x < math.inf), a > 0.0)
    a, x = ops.where(inner, a, 1.0), ops.where(inner, x, 1.0)
    return ops.where(inner, -_density(a, x) * gamma_slope(a, x, exact=True), 0.0)


_lower = with_derivatives(
    _lower_value, [lambda a, x, value: _by_a(a, x), lambda a, x, value: _density(a, x)]
)
_upper = with_derivatives(
    _upper_value, [lambda a, x, value: -_by_a(a, x), lambda a, x, value: -_density(a, x)]
)
