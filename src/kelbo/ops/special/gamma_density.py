r"""Combinations of $\log \Gamma$ and $\psi$ in which nothing cancels.

$\log \Gamma(a)$ is of the order of $a \log a$ and a log density of the order of $\log a$, so that
in float32 a naive log density has no digit left at a concentration of a million. Here Stirling's
large terms are taken off by hand, and what is left is computed by itself.
"""

import math

import keras
import numpy as np
from scipy import special

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.autodiff.inversion import invert_monotone
from kelbo.ops.series import (
    HALF_LOG_TWO_PI,
    lgamma_of_one_plus,
    polynomial,
    stirling_correction,
)
from kelbo.ops.special.bregman import bregman, excess, far_second_order_rest, second_order_rest
from kelbo.ops.special.gamma import lgamma
from kelbo.ops.special.gamma_slope import log_gamma_slope
from kelbo.ops.special.incomplete_gamma import gammainc, gammaincc
from kelbo.ops.special.log_gamma_curvature import log_gamma_curvature, log_gamma_curvature_drop
from kelbo.ops.special.outside import largest
from kelbo.typing import Tensor

_EULER_GAMMA = float(np.euler_gamma)
# log Γ(2 + t) in powers of t, from t^2 on: to the last digit for |t| < 1/2, where JAX' own has six
# digits in float32, too few for a divergence that is near 0.
_LOG_GAMMA_AROUND_2 = tuple(float((-1) ** n * (special.zeta(n) - 1.0) / n) for n in range(2, 26))

# From here on the asymptotic series have all digits of float64; below, recurrences lead up to here.
_SHIFT = 8
# log z - ψ(z) - 1 / (2 z) in powers of 1 / z², without the first: B_2k / (2 k).
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def _shifted(a):
    """Where `a` is below 8, `a` moved to at least 8, and `a` below 8 (1 where it is not)."""
    small = a < _SHIFT
    return small, ops.where(small, a + _SHIFT, a), ops.where(small, a, ops.ones_like(a))


def stirling_rest(a: Tensor) -> Tensor:
    r"""What Stirling's formula leaves: $\log \Gamma(a) - (a - \frac12) \log a + a$.

    It goes to $\frac12 \log 2\pi$ for large $a$. It costs less than $\log \Gamma$ does.

    Args:
        a: A positive tensor.

    Returns:
        A tensor of the shape of `a`.
    """
    small, z, low = _shifted(a)
    ratios = low / (low + _SHIFT)
    for i in range(1, _SHIFT):
        ratios = ratios * ((low + i) / (low + _SHIFT))
    shift = (low - 0.5) * _log1p_of_inverse(low) - _SHIFT - ops.log(ratios)
    rest = stirling_correction(z) + HALF_LOG_TWO_PI
    return rest + ops.where(small, shift, ops.zeros_like(shift))


def _log1p_of_inverse(low):
    """The logarithm of 1 + 8 / x; near 0 of two logarithms, since the slope of 1 / x overflows."""
    tiny = low < 1e-6
    near, far = ops.where(tiny, low, 1.0), ops.where(tiny, 1.0, low)
    return ops.where(tiny, ops.log(near + _SHIFT) - ops.log(near), ops.log1p(_SHIFT / far))


def log_minus_digamma(a: Tensor) -> Tensor:
    r"""$\log a - \psi(a)$, which goes to $1 / (2 a)$ for large $a$.

    Args:
        a: A positive tensor.

    Returns:
        A tensor of the shape of `a`.
    """
    small, z, low = _shifted(a)
    inverse = 1.0 / z
    series = inverse * (0.5 + inverse * polynomial(inverse * inverse, _DIGAMMA))
    shift = sum(1.0 / (low + i) for i in range(_SHIFT)) - _log1p_of_inverse(low)
    return series + ops.where(small, shift, ops.zeros_like(shift))


class GammaCoefficients:
    r"""A log density of the gamma family by a number that is near 1 where the mass is.

    $$(a - 1 + n) \log x - r x + a \log r - \log \Gamma(a) = e \log y - b (y - c) + d,
      \qquad y = s x$$

    For $a \ge 1$ it is $y = x r / a$: the error from rounding it cancels, since it is the same in
    $\log y$ and in $y - 1$. Draws of $a < 1$ come so near to 0 that this would underflow: there $y$
    is $x$.

    Args:
        concentration: $a$.
        rate: $r$.
        log_rate: $\log r$.
        power: $n$.

    Attributes:
        scale: $s$.
        exponent: $e$.
        slope: $b$.
        shift: $c$, which is 1 or 0.
        constant: $d$.
    """

    def __init__(self, concentration: Tensor, rate: Tensor, log_rate: Tensor, power: float = 0.0):
        a, one = concentration, ops.ones_like(concentration)
        small = a < 1.0
        log_a = ops.log(a)
        # The identity holds for every number in the place of this one: gradients need not pass it.
        center = ops.stop_gradient(ops.where(small, one, a))
        log_center = ops.stop_gradient(ops.where(small, ops.zeros_like(a), log_a))
        self.exponent = a - (1.0 - power)
        self.slope = ops.where(small, rate, center)
        self.scale = ops.where(small, ops.ones_like(self.slope), rate / center)
        self.shift = ops.where(small, ops.zeros_like(a), one)
        in_y = (1.0 - power) * log_rate + (power - 1.0) * log_center
        as_it_is = a * (log_rate - log_a + 1.0)
        self.constant = ops.where(small, as_it_is, in_y) + (0.5 * log_a - stirling_rest(a))


def log_gamma_density(
    value: Tensor, concentration: Tensor, rate: Tensor, log_rate: Tensor
) -> Tensor:
    r"""The log density of a Gamma distribution.

    Written for speed: besides the logarithm there are six operations for a number.

    Args:
        value: $x$.
        concentration: $a$.
        rate: $r$.
        log_rate: $\log r$.

    Returns:
        A tensor of the broadcast shape; -inf for values below 0, and at infinity.
    """
    k = GammaCoefficients(concentration, rate, log_rate)
    # So far out that x or y is infinite, or would be.
    most = ops.minimum(0.99 * largest(value) / k.scale, largest(value))
    # 0 is outside where the density vanishes there: its logarithm has an infinite slope.
    least = -_tiny(value) * ops.cast(k.exponent <= 0, k.exponent.dtype)
    outside = ops.logical_or(value <= least, value > most)
    value = ops.where(outside, 1.0, value)
    # At 0 only a power of 0 gives a finite density: there the logarithm must be finite too.
    floor = _tiny(value) * ops.cast(ops.equal(k.exponent, 0), k.exponent.dtype)
    y = value * k.scale + floor
    log_density = (k.exponent * ops.log(y) + k.constant) - k.slope * (y - k.shift)
    return ops.where(outside, -math.inf, log_density)


def log_inverse_gamma_density(value: Tensor, concentration: Tensor, scale: Tensor) -> Tensor:
    r"""The log density of an inverse Gamma distribution.

    Args:
        value: $x$.
        concentration: $a$.
        scale: $\beta$.

    Returns:
        A tensor of the broadcast shape; -inf for values that are not positive, and at infinity.
    """
    # The density of u = 1 / x, times u², by y = 1 / z: 1 / x itself may underflow.
    k = GammaCoefficients(concentration, scale, ops.log(scale), power=2.0)
    far = scale > value * (0.1 / _tiny(value) / 10.0)
    outside = ops.logical_or(ops.logical_or(value <= 0, far), value > largest(value))
    value = ops.where(outside, 1.0, value)
    # Where z would be infinite, y is 0, and the logarithm one of the value by itself.
    large = value > largest(value) * ops.minimum(0.99 * k.scale, 1.0)
    z = value / ops.where(large, 1.0, k.scale)
    log_z = ops.log(z) - ops.where(large, ops.log(k.scale), 0.0)
    excess = (k.shift * (1.0 - z) + (1.0 - k.shift)) / z  # of y, exact for z near 1
    excess = ops.where(large, -k.shift, excess)
    log_density = k.constant - k.exponent * log_z - k.slope * excess
    return ops.where(outside, -math.inf, log_density)


def _tiny(x):
    return float(np.finfo(keras.backend.standardize_dtype(x.dtype)).tiny)


def gamma_quantile(
    concentration: Tensor,
    probability: Tensor,
    scale: Tensor,
    log_scale: Tensor,
    inverse: bool = False,
) -> Tensor:
    r"""The number below which a share of the mass of a Gamma distribution lies, or of an inverse.

    By bisection of the incomplete gamma function, in $\log(x / a)$.

    Args:
        concentration: $a$.
        probability: The share.
        scale: Of the Gamma distribution its scale $1 / r$, of the inverse one $\beta$.
        log_scale: $\log$ of it.
        inverse: Whether it is that of an inverse Gamma distribution.

    Returns:
        A tensor of the broadcast shape: 0 or infinity for a share of 0 or 1.
    """
    p, a = probability, concentration
    empty, whole = p <= 0, p >= 1
    p = ops.where(ops.logical_or(empty, whole), 0.5 * ops.ones_like(p), p)
    log_p = ops.log(p)
    log_below, log_above = (ops.log1p(-p), log_p) if inverse else (log_p, ops.log1p(-p))
    # P(a, x) is at most x^a / Γ(a + 1); the other end is by B. Laurent and P. Massart (2000,
    # "Adaptive estimation of a quadratic functional", lemma 1).
    log_a, lowest = ops.log(a), math.log(_tiny(a))
    log_gamma = lgamma_of_one_plus(ops.where(a < 8.0, a, 8.0))
    least = (log_below + ops.where(a < 8.0, log_gamma, lgamma(a + 1.0))) / a
    high = ops.log1p((ops.sqrt(-2.0 * a * log_above) - log_above) / a)
    # Numbers that the dtype cannot hold are where P is equal to that: by its logarithm alone.
    far = least < lowest + 0.5
    # With room for rounding: both ends may be the solution.
    low = ops.maximum(least - 0.01, lowest + 0.25) - log_a
    y = _OF_SHARE[inverse](p, low, high + 0.01, a)
    x = a * ops.exp(ops.where(far, 0.0, y))
    near, log_far = (scale / x, log_scale - least) if inverse else (scale * x, log_scale + least)
    x = ops.where(far, ops.exp(ops.where(far, log_far, 0.0)), near)
    return ops.where(empty, 0.0, ops.where(whole, math.inf, x))


def _inverse(share, sign):
    """From the share below a e^y, or above, of a standard Gamma, to y."""

    def by_y(a, y, value):
        x = a * ops.exp(y)
        log_density = log_gamma_density(x, a, ops.ones_like(a), ops.zeros_like(a))
        return sign * ops.exp(log_density + (ops.log(a) + y) - value)

    def by_a(a, y, value):
        return by_y(a, y, value) * (1.0 / a - log_gamma_slope(a, ops.log(a) + y, exact=True))

    log_share = with_derivatives(lambda a, y: ops.log(share(a, a * ops.exp(y))), [by_a, by_y])
    return invert_monotone(
        lambda y, a: share(a, a * ops.exp(y)), logarithm=lambda y, a: log_share(a, y)
    )


_OF_SHARE = {False: _inverse(gammainc, 1.0), True: _inverse(gammaincc, -1.0)}


def gamma_divergence_rest(a: Tensor, b: Tensor) -> Tensor:
    r"""$f(b) - f(a) - (b - a) f'(a)$ of $f(x) = \log \Gamma(x) - x \log x + x$, at least 0.

    The divergence of two Gamma distributions by their concentrations, less that of their means.

    Args:
        a: A positive tensor.
        b: A positive tensor.

    Returns:
        A tensor of the broadcast shape.
    """
    return bregman(
        lambda x, step: log_gamma_curvature(x, step, step),
        a,
        b,
        near=_close(a, b),
        far=_log_gammas(a, b),
    )


def _close(a, b):
    return ops.abs(b - a) <= 0.5 * ops.maximum(a, b)


def _log_gammas(a, b):
    """The same from the definition."""
    rests = stirling_rest(b) - stirling_rest(a)
    return rests + (b - a) * log_minus_digamma(a) - 0.5 * (ops.log(b) - ops.log(a))


def beta_divergence_rest(q: tuple, p: tuple, change: tuple) -> Tensor:
    r"""The divergence of two Beta distributions, less that of their means, at least 0.

    It is `gamma_divergence_rest` of the two concentrations, less that of their sums: as an integral
    along the way from q to p, of a quadratic form in which the large parts are subtracted by hand.

    Args:
        q: The concentrations of the first, two positive tensors.
        p: The same of the second.
        change: The differences, p - q.

    Returns:
        A tensor of the broadcast shape.
    """
    near = ops.logical_and(_close(q[0], p[0]), _close(q[1], p[1]))

    def curvature(one, other, dx, dy):
        own = log_gamma_curvature_drop(one, other, dx) + log_gamma_curvature_drop(other, one, dy)
        return own - 2.0 * log_gamma_curvature(one + other, dx, dy)

    def ends_and_changes(chosen):
        return [ops.where(chosen, z, ops.ones_like(z))[..., None] for z in (*q, *p, *change)]

    x, y, _, _, dx, dy = ends_and_changes(near)
    close = second_order_rest(lambda u: curvature(x + u * dx, y + u * dy, dx, dy), x[..., 0])
    # Of pairs that are apart the definition serves, but where little is left of it.
    each = _log_gammas(q[0], p[0]) + _log_gammas(q[1], p[1])
    apart = each - _log_gammas(q[0] + q[1], p[0] + p[1])
    lost = ops.logical_and(ops.logical_not(near), apart < 0.1 * each)
    a, b, other_a, other_b, da, db = ends_and_changes(lost)

    def along(first, last, factor):
        one, other = first * a + last * other_a, first * b + last * other_b
        return curvature(one, other, factor * da, factor * db)

    def least(one, other):
        """Of both as shares of their changes, the smaller."""
        tiny = _tiny(one)
        shares = (z / ops.maximum(ops.abs(d), tiny) for z, d in ((one, da), (other, db)))
        return ops.minimum(ops.minimum(*shares), 1.0)[..., 0]

    far = far_second_order_rest(along, least(a, b), least(other_a, other_b))
    return ops.where(near, close, ops.where(lost, far, apart))


def log_gamma_divergence_from_one(b: Tensor, change: Tensor) -> Tensor:
    r"""$\log \Gamma(b) + \gamma (b - 1)$, at least 0, with Euler's constant $\gamma$.

    Args:
        b: A positive tensor.
        change: b - 1, with all its digits.

    Returns:
        A tensor of the shape of `b`.
    """
    near = ops.abs(change) <= 0.5
    small = ops.where(near, change, ops.zeros_like(change))
    rest = second_order_rest(
        lambda u: log_gamma_curvature(
            1.0 + u * small[..., None], small[..., None], small[..., None]
        ),
        small,
    )
    # b log(b) - b + 1 is b times the excess of 1 / b.
    close = rest + (1.0 + small) * excess(-small / (1.0 + small))
    far = ops.where(near, 2.0, b)
    return ops.where(near, close, lgamma(far) + _EULER_GAMMA * (far - 1.0))


def log_gamma_of_two_plus(t: Tensor) -> Tensor:
    r"""$\log \Gamma(2 + t)$, relatively accurate near t = 0.

    Args:
        t: A tensor, above -2.

    Returns:
        A tensor of the shape of `t`.
    """
    near = ops.abs(t) < 0.5
    small = ops.where(near, t, 0.0)
    series = small * ((1.0 - _EULER_GAMMA) + small * polynomial(small, _LOG_GAMMA_AROUND_2))
    return ops.where(near, series, lgamma(2.0 + ops.where(near, 1.0, t)))
