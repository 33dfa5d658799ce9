"""Draws of a truncated normal distribution: quantiles of uniform numbers, without a loop.

As in `truncated_normal`, numbers are distances d from the peak of the density in standard
deviations, and the density is proportional to exp(-d (tilt + d / 2)). Three closed forms share the
work, each where it has the digits that a uniform number has; each is computed where one needs it.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kelbo.ops import elementary as ops
from kelbo.ops.series import kind, polynomial
from kelbo.ops.special.normal import normal_cdf, normal_quantile
from kelbo.typing import Tensor

# Standard deviations from the mean, where the tail is taken for what it is: before, the normal
# distribution function has digits enough; after, the series below.
_FAR = {"float32": 10.0, "float64": 30.0}
# Widths in units of the density over its slope: less, and masses from the far side of it cancel.
_NARROW = 0.3
# Terms of the series in the two variables of the tail; of the density in a narrow interval; and
# steps of Newton's method there.
_TERMS_OF_TAIL = {"float32": (14, 6), "float64": (16, 8)}
_TERMS_OF_NARROW = {"float32": (8, 2), "float64": (15, 3)}

_DOUBLINGS = 5  # of the terms of a series that are right: to 32


def draw(
    u: Tensor, interval: Callable[[], tuple[Any, Any, Any]], place: Callable[[Any], Any]
) -> tuple[Tensor, Tensor]:
    """The quantiles of u, as distances from the peak and as values.

    Args:
        u: Uniform numbers, of the shape of the result; never 0 or 1.
        interval: Returns the tilt (the peak less the mean, in standard deviations), the lower end
            as a distance from the peak, finite and at most 0, and the upper end, finite and at
            least 0; one of the two is 0 where the tilt is not. All broadcast against `u`.
        place: Makes a value of a distance. Both functions are called in each branch anew: XLA is
            slow to hand large arrays into one or out of it, and fuses what is inside.

    Returns:
        Distances and values of the shape of `u`, of which no derivative is right.
    """

    def placed(distance):
        def form():
            d = distance()
            return d, place(d)

        return form

    def plain():
        return _plain(u, *interval())

    def with_far():
        _, far = where_not_plain(*interval())
        return ops.where(far, _far(u, *interval()), plain())

    def with_narrow():
        narrow, _ = where_not_plain(*interval())
        return ops.where(narrow, _narrow(u, *interval()), with_far())

    narrow, far = where_not_plain(*interval())
    needed = ops.max(ops.where(narrow, 2, ops.cast(far, "int32")))
    return ops.switch(needed, [placed(form) for form in (plain, with_far, with_narrow)])


def where_not_plain(tilt: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Where the normal distribution function lacks digits: in narrow intervals, and far out.

    Args:
        tilt: As in `draw`.
        low: As in `draw`.
        high: As in `draw`.

    Returns:
        Two boolean tensors, of which not both are true.
    """
    steep = ops.abs(tilt)
    narrow = (high - low) * (1.0 + steep) < _NARROW
    return narrow, ops.logical_and(steep > _FAR[kind(tilt)], ~narrow)


def _plain(u, tilt, low, high):
    """By the normal distribution function of the ends, in the tail where they lie."""
    right = tilt > 0
    at_low, at_high = (normal_cdf(ops.where(right, -z, z)) for z in (tilt + low, tilt + high))
    z = normal_quantile((1.0 - u) * at_low + u * at_high)
    return ops.where(right, -z, z) - tilt


def _far(u, tilt, low, high):
    """By the asymptotic series of Mills' ratio M.

    With t = |tilt|, the mass beyond a distance d, as a share of all beyond the peak, is
    exp(-d (t + d / 2)) M(t + d) / M(t). The distance at which it is exp(-y) obeys d' = M(t + d):
    d t / y is a series in 2 y / t^2 and 1 / t^2, and both are small.
    """
    up = tilt > 0
    steep = ops.maximum(ops.abs(tilt), _FAR[kind(tilt)])
    inverse = 1.0 / steep
    square = inverse * inverse
    width = ops.where(up, high, -low)
    mills, reciprocal, quantile = _tail_series(kind(tilt))
    grown = 1.0 + width * inverse
    shrunk = 1.0 / (grown * grown)
    ratio = grown * shrunk * polynomial(square * shrunk, mills) * polynomial(square, reciprocal)
    beyond = ops.exp(-width * (steep + 0.5 * width)) * ratio
    share = ops.where(up, u, 1.0 - u) * (1.0 - beyond)
    # Of what rounds to 1 the logarithm would be infinite.
    y = -ops.log1p(-ops.minimum(share, 1.0 - 0.5 * float(np.finfo(kind(tilt)).eps)))
    s = 2.0 * y * square
    d = y * inverse * polynomial(square, [polynomial(s, row) for row in quantile])
    return ops.where(up, d, -d)


@functools.cache
def _tail_series(name):
    """Coefficients of t M(t) and of its inverse by 1 / t^2, and of d t / y by both variables."""
    width, height = _TERMS_OF_TAIL[name]
    # (-1)^n (2n - 1)!!
    mills = np.cumprod([1.0, *-(2.0 * np.arange(1, height) - 1.0)])

    def product(a, b):
        """Of two series in both variables, as rows by powers of 1 / t^2."""
        padded = [np.pad(x, ((0, 0), (0, width))).ravel() for x in (a, b)]
        return np.convolve(*padded)[: height * 2 * width].reshape(height, 2 * width)[:, :width]

    def inverse(a):
        found = one
        for _ in range(_DOUBLINGS):
            found = product(found, 2.0 * one - product(a, found))
        return found

    one = np.zeros((height, width))
    one[0, 0] = 1.0
    # With x = (1 + d / t)^2 and s = 2 y / t^2, d' = M(t + d) is dx/ds = sum_n mills_n (t^2 x)^-n.
    x = one
    for _ in range(height + 1):  # each gives one row more
        reciprocal, power, slope = inverse(x) if x is not one else one, one, np.zeros_like(one)
        for n, coefficient in enumerate(mills):
            slope[n:] += coefficient * power[: height - n]
            power = product(power, reciprocal)
        x = one.copy()
        x[:, 1:] = slope[:, :-1] / np.arange(1, width)
    root = one
    for _ in range(_DOUBLINGS):
        root = 0.5 * (root + product(x, inverse(root)))
    reciprocal = np.zeros(height)
    for n in range(height):
        reciprocal[n] = (n == 0) - mills[1 : n + 1] @ reciprocal[:n][::-1]
    # At most y is -log(eps / 2). What is lost beside 1 there is left out.
    eps, square = float(np.finfo(name).eps), _FAR[name] ** -2.0
    sizes = (2.0 * square * -np.log(0.5 * eps)) ** np.arange(width - 1)
    sizes = np.abs(root[:, 1:]) * sizes * square ** np.arange(height)[:, None]
    lengths = [1 + np.flatnonzero(row > 0.02 * eps).max(initial=0) for row in sizes]
    rows = [row[:n].tolist() for row, n in zip(2.0 * root[:, 1:], lengths, strict=True)]
    return mills.tolist(), reciprocal.tolist(), rows


def _narrow(u, tilt, low, high):
    """By Newton's method on the power series of the mass, in x from -1 to 1 around the middle."""
    terms, steps = _TERMS_OF_NARROW[kind(tilt)]
    narrow, _ = where_not_plain(tilt, low, high)
    middle, half = 0.5 * (low + high), ops.where(narrow, 0.5 * (high - low), 0.0)
    slope, curve = half * (tilt + middle), half * half
    # Of exp(-slope x - curve x^2 / 2).
    density = [ops.ones_like(slope), -slope]
    for n in range(1, terms - 1):
        density.append(-(slope * density[n] + curve * density[n - 1]) / (n + 1))
    mass = [0.0, *(c / (n + 1) for n, c in enumerate(density))]
    target = (1.0 - u) * polynomial(-1.0, mass) + u * polynomial(1.0, mass)
    x = 2.0 * u - 1.0
    x = x - 0.5 * slope * (1.0 - x * x)
    for _ in range(steps):
        x = x - (polynomial(x, mass) - target) / polynomial(x, density)
    return middle + half * x
