"""Functions that compare with the mean of both densities, m = (p + q) / 2."""

import math

from kelbo import ops
from kelbo.divergences.f_functions.csiszar_function import CsiszarFunction, SelfDual
from kelbo.divergences.f_functions.numerics import log_mean_with_one, u_times, within
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered(name="f.JensenShannon")
class JensenShannon(SelfDual):
    r"""$f(u) = u \log u - (1 + u) \log \frac{1 + u}{2}$.

    $D_f = \mathrm{KL}(p \Vert m) + \mathrm{KL}(q \Vert m)$, from 0 to $2 \log 2$: twice the
    divergence that other authors give the name. $f^*(t) = -\log(2 - e^t)$ for $t < \log 2$.
    (Lin, 1991, "Divergence measures based on the Shannon entropy".)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.JensenShannon()(1.0))
        0.0
    """

    def __call__(self, u: Tensor) -> Tensor:
        return ops.xlogy(u, u) - (1.0 + u) * ops.log(0.5 * (1.0 + u))

    def derivative(self, u: Tensor) -> Tensor:
        return ops.log(u) - ops.log(0.5 * (1.0 + u))

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.reciprocal(u * (1.0 + u))

    def of_log(self, log_u: Tensor) -> Tensor:
        negative = ops.negative(log_u)
        return -u_times(log_u, log_mean_with_one(negative)) - log_mean_with_one(log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return -u_times(log_u, log_mean_with_one(ops.negative(log_u)))

    def curvature(self, log_u: Tensor) -> Tensor:
        negative = ops.negative(log_u)
        return u_times(log_u, ops.sigmoid(negative) - log_mean_with_one(negative))

    def conjugate(self, t: Tensor) -> Tensor:
        def inside(t):
            return -ops.log1p(-ops.expm1(t))

        return within(t, ops.expm1(t) < 1.0, inside, 0.0, float("inf"))


@registered(name="f.ArithmeticGeometric")
class ArithmeticGeometric(SelfDual):
    r"""$f(u) = (1 + u) \log \frac{1 + u}{2 \sqrt{u}}$.

    $D_f = \mathrm{KL}(m \Vert p) + \mathrm{KL}(m \Vert q)$, a Jensen-Shannon divergence the other
    way round. The conjugate has no closed form. (Taneja, 1995.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.ArithmeticGeometric()(1.0))
        0.0
    """

    def __call__(self, u: Tensor) -> Tensor:
        return (1.0 + u) * (ops.log(0.5 * (1.0 + u)) - 0.5 * ops.log(u))

    def derivative(self, u: Tensor) -> Tensor:
        log_ratio = ops.log(0.5 * (1.0 + u)) - 0.5 * ops.log(u)
        return log_ratio + 0.5 - 0.5 * ops.reciprocal(u)

    def second_derivative(self, u: Tensor) -> Tensor:
        return 0.5 * (1.0 + ops.square(u)) / (ops.square(u) * (1.0 + u))

    def of_log(self, log_u: Tensor) -> Tensor:
        return (1.0 + ops.exp(log_u)) * self._log_ratio(log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return u_times(log_u, self._log_ratio(log_u)) + 0.5 * ops.expm1(log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return u_times(log_u, self._log_ratio(log_u) + ops.sigmoid(log_u))

    def _log_ratio(self, log_u):
        """Of the arithmetic to the geometric mean of 1 and u."""
        return log_mean_with_one(log_u) - 0.5 * log_u


@registered(name="f.Triangular")
class Triangular(SelfDual):
    r"""$f(u) = \frac{(u - 1)^2}{1 + u}$: $D_f = \int (p - q)^2 / (p + q)$, from 0 to 2.

    $f^*(t) = 4 - t - 4 \sqrt{1 - t}$ for $-3 \le t \le 1$, and -1 below. (Also: triangular
    discrimination, of Vincze and Le Cam. Topsøe, 2000.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.Triangular()(3.0))
        1.0
    """

    def __call__(self, u: Tensor) -> Tensor:
        return ops.square(u - 1.0) / (1.0 + u)

    def derivative(self, u: Tensor) -> Tensor:
        return 1.0 - ops.square(2.0 / (1.0 + u))

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.power(2.0 / (1.0 + u), 3.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.expm1(log_u) * ops.tanh(0.5 * log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        share = ops.sigmoid(ops.negative(log_u))
        return ops.exp(log_u) * ops.tanh(0.5 * log_u) * (1.0 + 2.0 * share)

    def curvature(self, log_u: Tensor) -> Tensor:
        spread = ops.sigmoid(log_u) * ops.sigmoid(ops.negative(log_u))
        return ops.exp(log_u) + 4.0 * spread * ops.tanh(0.5 * log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        def inside(t):
            return 4.0 - t - 4.0 * ops.sqrt(1.0 - t)

        t = ops.maximum(t, -3.0)
        return within(t, t < 1.0, inside, 0.0, ops.where(t > 1.0, float("inf"), 3.0))


@registered(name="f.ModifiedGAN")
class ModifiedGAN(CsiszarFunction):
    r"""$f(u) = \log \frac{1 + u}{2 u}$: $D_f = \mathrm{KL}(q \Vert p) - \mathrm{KL}(q \Vert m)$.

    The generator's other loss, $-\log D$, with a perfect discriminator (Goodfellow et al., 2014,
    section 3; its own loss is `JensenShannon`). The $\log 2$ that makes $f(1) = 0$ is subtracted.
    $f^*(t) = u t - f(u)$ at $u = \frac{1}{2}(\sqrt{1 - 4 / t} - 1)$, for $t < 0$.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.ModifiedGAN().derivative(1.0))
        -0.5
    """

    slope_at_one = -0.5

    def __call__(self, u: Tensor) -> Tensor:
        return ops.log(0.5 * (1.0 + u)) - ops.log(u)

    def derivative(self, u: Tensor) -> Tensor:
        return -ops.reciprocal(u * (1.0 + u))

    def second_derivative(self, u: Tensor) -> Tensor:
        return (1.0 + 2.0 * u) / ops.square(u * (1.0 + u))

    def of_log(self, log_u: Tensor) -> Tensor:
        return log_mean_with_one(ops.negative(log_u))

    def slope(self, log_u: Tensor) -> Tensor:
        return -ops.sigmoid(ops.negative(log_u))

    def curvature(self, log_u: Tensor) -> Tensor:
        return ops.sigmoid(log_u) * ops.sigmoid(ops.negative(log_u))

    def conjugate(self, t: Tensor) -> Tensor:
        def inside(t):
            u = (-2.0 / t) / (1.0 + ops.sqrt(1.0 - 4.0 / t))
            return u * t - self(u)

        t = ops.convert_to_tensor(t)
        at_end = ops.where(t > 0, float("inf"), math.log(2.0))
        return within(t, t < 0, inside, -1.0, at_end)
