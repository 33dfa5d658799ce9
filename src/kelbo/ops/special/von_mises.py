"""The von Mises distribution about 0: its distribution function, with its derivatives."""

import math

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.autodiff.inversion import invert_monotone
from kelbo.ops.floats import together
from kelbo.ops.series import polynomial
from kelbo.ops.special.bessel import bessel_i0e, bessel_i1e
from kelbo.ops.special.quadrature import integrate, nats
from kelbo.typing import Tensor


def _series_of_mean_resultant(terms):
    """Coefficients of I1(k) / I0(k) in powers of 1 / k, from A' = 1 - A / k - A²."""
    a = [1.0]
    for j in range(terms):
        products = sum(a[i] * a[j + 1 - i] for i in range(1, j + 1))
        a.append(0.5 * ((j - 1) * a[j] - products))
    return a


_MEAN_RESULTANT = tuple(_series_of_mean_resultant(20))
_LARGE = 64.0


def circular_variance(concentration: Tensor) -> Tensor:
    r"""$1 - I_1(\kappa) / I_0(\kappa)$, which goes to $1 / (2 \kappa)$ for large $\kappa$.

    Args:
        concentration: $\kappa$, a tensor that is not negative.

    Returns:
        A tensor of the shape of `concentration`.
    """
    large = concentration > _LARGE
    near = ops.where(large, ops.ones_like(concentration), concentration)
    inverse = 1.0 / ops.where(large, concentration, _LARGE)
    series = -inverse * polynomial(inverse, _MEAN_RESULTANT[1:])
    direct = 1.0 - bessel_i1e(near) / bessel_i0e(near)
    return ops.where(large, series, direct)


_log_normalizer = with_derivatives(
    lambda k: math.log(2.0 * math.pi) + ops.log(bessel_i0e(k)),
    [lambda k, value: -circular_variance(k)],
)


def log_normalizer(concentration: Tensor) -> Tensor:
    r"""$\log(2 \pi I_0(\kappa)) - \kappa$, of which the derivative is minus `circular_variance`.

    Args:
        concentration: $\kappa$, a tensor that is not negative.

    Returns:
        A tensor of the shape of `concentration`.
    """
    return _log_normalizer(concentration)


def _beyond(concentration, angle, weight):
    """The integral of `weight` times the density over its value at `angle`, from there to pi.

    `weight` takes the squared sine of half the angle.
    """
    start = ops.square(ops.sin(0.5 * angle))
    # Where the density has fallen by so much that the rest is lost in rounding.
    fall = 0.5 * nats(angle) / ops.maximum(concentration, 1e-3)
    span = 2.0 * ops.arcsin(ops.sqrt(ops.minimum(start + fall, 1.0))) - angle
    span = ops.maximum(span, 0.0)

    def integrand(u):
        step = u * span
        rise = ops.sin(angle + 0.5 * step) * ops.sin(0.5 * step)
        return weight(start + rise) * ops.exp(-2.0 * concentration * rise)

    return span * integrate(integrand, angle)


def _log_density(concentration, angle):
    exponent = -2.0 * concentration * ops.square(ops.sin(0.5 * angle))
    return exponent - log_normalizer(concentration)


def _density(concentration, angle):
    return ops.exp(_log_density(concentration, angle))


def _tail_value(concentration, angle):
    total = _beyond(concentration, angle, lambda squared_sine: ops.ones_like(squared_sine))
    return _density(concentration, angle) * total


def slope_of_tail(concentration: Tensor, angle: Tensor) -> Tensor:
    r"""The derivative of the tail by the concentration, over the density.

    Args:
        concentration: $\kappa$, a tensor.
        angle: A tensor of numbers in $[0, \pi]$, of its shape.

    Returns:
        A tensor of that shape.
    """
    spread = circular_variance(concentration)
    return _beyond(concentration, angle, lambda squared_sine: spread - 2.0 * squared_sine)


_tail = with_derivatives(
    _tail_value,
    [
        lambda k, angle, value: _density(k, angle) * slope_of_tail(k, angle),
        lambda k, angle, value: -_density(k, angle),
    ],
)


def _log_tail_value(concentration, angle):
    total = _beyond(concentration, angle, lambda squared_sine: ops.ones_like(squared_sine))
    return _log_density(concentration, angle) + ops.log(total)


def _over_tail(concentration, angle, value):
    """The density over the mass beyond."""
    return ops.exp(_log_density(concentration, angle) - value)


_log_tail = with_derivatives(
    _log_tail_value,
    [
        lambda k, angle, value: _over_tail(k, angle, value) * slope_of_tail(k, angle),
        lambda k, angle, value: -_over_tail(k, angle, value),
    ],
)
_of_tail = invert_monotone(
    lambda angle, k: _tail(k, angle), logarithm=lambda angle, k: _log_tail(k, angle)
)


def tail(concentration: Tensor, angle: Tensor) -> Tensor:
    r"""The mass between an angle and $\pi$, on one side, with full relative accuracy.

    By Gauss-Legendre quadrature with 20 points in float32 and 40 in float64.

    Args:
        concentration: $\kappa$, a tensor.
        angle: A tensor of numbers in $[0, \pi]$.

    Returns:
        A tensor of the broadcast shape.
    """
    return _tail(*together(concentration, angle))


def angle_of_tail(concentration: Tensor, mass: Tensor) -> Tensor:
    r"""The angle from which to $\pi$ there is this mass: the inverse of `tail`, by bisection.

    Args:
        concentration: $\kappa$, a tensor.
        mass: A tensor of numbers in $[0, 1/2]$.

    Returns:
        A tensor of the broadcast shape, in $[0, \pi]$.
    """
    return _of_tail(mass, 0.0, math.pi, concentration)
