"""The regularised incomplete beta function: distribution function of Beta, Binomial, StudentT."""

from keras import ops

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.backends.differences import STEPS, WEIGHTS
from kelbo.ops.floats import maximum, minimum, together
from kelbo.ops.series import (
    HALF_LOG_TWO_PI,
    count_down,
    kind,
    lgamma_of_one_plus,
    log1p_minus,
    log_ratio_minus,
    stirling_correction,
)
from kelbo.ops.special.quadrature import LARGE, integrate, nats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def betainc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The regularised incomplete beta function.

    $$I_x(a, b) = \frac{1}{B(a, b)} \int_0^x t^{a - 1} (1 - t)^{b - 1}\, dt$$

    The distribution function of a Beta variable. By quadrature where a and b are 20 or more, else
    by the continued fraction of A. R. DiDonato and A. H. Morris ("Algorithm 708", ACM TOMS 18,
    1992, eq. 9). Up to (a + 1) / (a + b + 2), which is about the mean, the function has a relative
    error of a few units in the last place, so far as x, a and b do (large parameters multiply an
    error of x). Above, 1 - I has: the function is right to a few units in the last place of 1,
    which is less where it is still small there, as for a tiny b.

    The derivative by x is the density. Those by a and b are finite differences, with about five
    digits in float32 and eleven in float64, and cost four evaluations each.

    Args:
        a: A positive tensor.
        b: A positive tensor, broadcast against `a`.
        x: A tensor of numbers in [0, 1], broadcast against them.

    Returns:
        A tensor of the broadcast shape; NaN outside of the domain.

    Example:
        >>> from kelbo import ops
        >>> float(ops.betainc(2.0, 1.0, 0.5))  # x squared
        0.25
    """
    return _betainc(*together(a, b, x))


def _value(a, b, x):
    valid = (a > 0.0) & (b > 0.0) & (x >= 0.0) & (x <= 1.0)
    inner = valid & (x > 0.0) & (x < 1.0)
    a, b = ops.where(valid, a, 1.0), ops.where(valid, b, 1.0)
    inside = _value_inside(a, b, ops.where(inner, x, 0.5))
    return ops.where(inner, inside, ops.where(valid, x, ops.zeros_like(x) / 0.0))


def _value_inside(a, b, x):
    # The smaller of the two tails is the one on x's own side of the mean.
    y = 1.0 - x
    swapped = x * (b + 1.0) > (a + 1.0) * y
    a, b = ops.where(swapped, b, a), ops.where(swapped, a, b)
    x, y = ops.where(swapped, y, x), ops.where(swapped, x, y)
    large = (a >= LARGE) & (b >= LARGE)
    power = ops.exp(log_beta_power(a, b, x, y))
    tail = _tail_integral(
        ops.where(large, a, LARGE),
        ops.where(large, b, LARGE),
        ops.where(large, x, 0.5),
        ops.where(large, y, 0.5),
    )
    fraction = _fraction(
        ops.where(large, 1.0, a), ops.where(large, 1.0, b), ops.where(large, 0.5, x)
    )
    value = minimum(power * ops.where(large, tail, fraction), 1.0)
    return ops.where(swapped, 1.0 - value, value)


def log_beta_power(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The logarithm of x^a y^b / B(a, b); where a or b are large without the terms that cancel.

    Args:
        a: A positive tensor.
        b: A positive tensor.
        x: A tensor of numbers between 0 and 1.
        y: 1 - x.

    Returns:
        A tensor of the broadcast shape.
    """
    small, large = minimum(a, b), maximum(a, b)
    # The argument with the smaller parameter, and the other.
    low, high = ops.where(a < b, x, y), ops.where(a < b, y, x)
    both_large, one_large = small >= 8.0, large >= 8.0

    p, q = ops.where(both_large, small, 8.0), ops.where(one_large, large, 8.0)
    sum_ = p + q
    distance = p * high - q * low  # 0 at the mean
    both = (
        p * log_ratio_minus(low * (sum_ / p), -distance / p)
        + q * log_ratio_minus(high * (sum_ / q), distance / q)
        + 0.5 * (ops.log(p) + ops.log(q / sum_))
        - HALF_LOG_TWO_PI
        - stirling_correction(p)
        - stirling_correction(q)
        + stirling_correction(sum_)
    )
    p = ops.where(both_large, 1.0, small)
    sum_ = p + q
    one = (
        p * ops.log(low * q)
        + q * (_log(high, low) + log1p_minus(p / q))
        + (p - 0.5) * ops.log1p(p / q)
        + stirling_correction(sum_)
        - stirling_correction(q)
        - lgamma_of_one_plus(p)
        + ops.log(p)
    )
    q = ops.where(one_large, 1.0, large)
    sum_ = p + q
    none = (
        p * ops.log(low)
        + q * _log(high, low)
        - lgamma_of_one_plus(p)
        - lgamma_of_one_plus(q)
        + _lgamma_of_sum(sum_)
        + ops.log(p * (q / sum_))
    )
    return ops.where(both_large, both, ops.where(one_large, one, none))


def _log(x, complement):
    """The logarithm of x, from 1 - x where that is the smaller one."""
    near_one = complement < 0.5
    return ops.where(
        near_one,
        ops.log1p(-ops.where(near_one, complement, 0.5)),
        ops.log(ops.where(near_one, 0.5, x)),
    )


def _lgamma_of_sum(z):
    """The function log Γ(1 + z) for 0 <= z < 16."""
    large = z > 8.0
    lower = ops.where(large, z - 8.0, z)
    product = ops.ones_like(z)
    for k in range(1, 9):
        product = product * ops.where(large, lower + k, 1.0)
    return lgamma_of_one_plus(lower) + ops.log(product)


# How many terms full accuracy takes; most for a tiny b beside a large a.
_TERMS = {"float32": 24, "float64": 104}


def _fraction(a, b, x):
    """The continued fraction of I B(a, b) x^-a (1 - x)^-b, for x below the mean, from its end."""
    slope = a - (a + b) * x + 1.0

    def denominator(n):
        return (
            n
            + n * (b - n) * x / (a + (2.0 * n - 1.0))
            + (a + n) / (a + 2.0 * n + 1.0) * (slope + n * (2.0 - x))
        )

    def step(n, rest):
        ratio = x / (a + (2.0 * n - 1.0))
        numerator = (a + (n - 1.0)) * ratio * ((a + b + (n - 1.0)) * ratio) * (n * (b - n))
        return numerator / (denominator(n) + rest)

    first = a / (a + 1.0) * slope
    return 1.0 / (first + count_down(step, _TERMS[kind(x)], ops.zeros_like(x)))


def _tail_integral(a, b, x, y):
    """The integral of (t / x)^(a-1) ((1-t) / y)^(b-1) dt / (x y) from 0 to x, for large a and b."""
    n = nats(x)
    p, q = a - 1.0, b - 1.0
    excess = p * y - q * x  # the slope at x of the logarithm, times x y
    # Where the integrand is e^-n, in units of x: by the curvature of either factor alone.
    by_first = 2.0 * n * y / (excess + ops.sqrt(excess * excess + 2.0 * n * p * y * y))
    odds = x / y
    curve = q * odds * odds + 4.0 / 3.0 * odds * excess / y
    slope = 2.0 * excess / y - 4.0 / 3.0 * odds * n
    by_second = 4.0 * n / (slope + ops.sqrt(slope * slope + 8.0 * n * curve))
    by_second = ops.where(by_second > 0.0, by_second, 1.0)
    span = minimum(minimum(by_first, by_second), 1.0)

    def integrand(u):
        u = u * span
        return ops.exp(
            p * log_ratio_minus(1.0 - u, -u) + q * log1p_minus(u * odds) - excess * (u / y)
        )

    return integrate(integrand, x) * span / y


def _density(a, b, x):
    inner = (a > 0.0) & (b > 0.0) & (x > 0.0) & (x < 1.0)
    a_in, b_in = ops.where(inner, a, 1.0), ops.where(inner, b, 1.0)
    x_in = ops.where(inner, x, 0.5)
    y_in = 1.0 - x_in
    density = ops.exp(log_beta_power(a_in, b_in, x_in, y_in) - ops.log(x_in) - ops.log(y_in))
    # At an end: of its parameter below 1 infinite, at 1 the other parameter, above 1 zero.
    here, other = ops.where(x < 0.5, a, b), ops.where(x < 0.5, b, a)
    at_end = ops.where(here < 1.0, float("inf"), ops.where(here == 1.0, other, 0.0))
    return ops.where(inner, density, at_end)


def _by_parameter(parameter, value, others, value_of):
    """The derivative of value_of(parameter, *others) by the parameter.

    By that of the logarithm, which in a tail is nearly linear in the parameter.
    """
    share = {"float32": 0.04, "float64": 1e-3}[kind(parameter)]
    # A Beta variable's standard deviation is about 1 / sqrt(a) of its mean.
    step = share * parameter / (1.0 + ops.sqrt(parameter))
    moved = ops.stack([parameter + k * step for k in STEPS])
    values = value_of(moved, *(ops.stack([x] * len(STEPS)) for x in others))
    some = ops.all(values > 0.0, axis=0)
    logs = ops.log(ops.where(some, values, 1.0))
    return value * sum(weight * logs[i] for i, weight in enumerate(WEIGHTS)) / step


def _by_a(a, b, x, value):
    return _by_parameter(a, value, (b, x), _betainc)  # compiled already: once more costs no tracing


def _by_b(a, b, x, value):
    return _by_parameter(b, value, (a, x), lambda moved, a, x: _betainc(a, moved, x))


_betainc = with_derivatives(_value, [_by_a, _by_b, lambda a, b, x, value: _density(a, b, x)])
