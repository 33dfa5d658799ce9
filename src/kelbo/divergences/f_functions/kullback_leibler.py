"""The functions of the Kullback-Leibler divergences."""

from kelbo import ops
from kelbo.divergences.f_functions.csiszar_function import CsiszarFunction, SelfDual
from kelbo.divergences.f_functions.numerics import u_times, within
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered(name="f.KLForward")
class KLForward(CsiszarFunction):
    r"""$f(u) = u \log u$: $D_f = \mathrm{KL}(p \Vert q)$, the inclusive divergence.

    $f^*(t) = e^{t - 1}$. (Kullback and Leibler, 1951.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.KLForward()(1.0)), float(f.KLForward().derivative(1.0))
        (0.0, 1.0)
    """

    slope_at_one = 1.0

    def __call__(self, u: Tensor) -> Tensor:
        return ops.xlogy(u, u)

    def derivative(self, u: Tensor) -> Tensor:
        return ops.log(u) + 1.0

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.reciprocal(u)

    def of_log(self, log_u: Tensor) -> Tensor:
        return u_times(log_u, log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return u_times(log_u, log_u + 1.0)

    def curvature(self, log_u: Tensor) -> Tensor:
        return u_times(log_u, log_u + 2.0)

    def conjugate(self, t: Tensor) -> Tensor:
        return ops.exp(t - 1.0)

    def dual(self) -> CsiszarFunction:
        return KLReverse()

    def symmetrized(self) -> CsiszarFunction:
        return Jeffreys()


@registered(name="f.KLReverse")
class KLReverse(CsiszarFunction):
    r"""$f(u) = -\log u$: $D_f = \mathrm{KL}(q \Vert p)$, the exclusive divergence of the ELBO.

    $f^*(t) = -1 - \log(-t)$ for $t < 0$. (Kullback and Leibler, 1951.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.KLReverse().of_log(-3.0))
        3.0
    """

    slope_at_one = -1.0

    def __call__(self, u: Tensor) -> Tensor:
        return -ops.log(u)

    def derivative(self, u: Tensor) -> Tensor:
        return -ops.reciprocal(u)

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.square(ops.reciprocal(u))

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.negative(log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return ops.full_like(log_u, -1.0)

    def curvature(self, log_u: Tensor) -> Tensor:
        return ops.zeros_like(log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        return within(t, ops.less(t, 0.0), lambda t: -1.0 - ops.log(-t), -1.0, float("inf"))

    def dual(self) -> CsiszarFunction:
        return KLForward()

    def symmetrized(self) -> CsiszarFunction:
        return Jeffreys()


@registered(name="f.Jeffreys")
class Jeffreys(SelfDual):
    r"""$f(u) = \tfrac{1}{2}(u - 1) \log u$: the mean of both Kullback-Leibler divergences.

    Half of what `kelbo.divergences.Jeffreys` is. $f^*(t) = \tfrac{1}{2}(w + 1/w) + t - 1$ with
    Lambert's $w e^w = e^{1 - 2t}$. (Jeffreys, 1946.)

    Example:
        >>> from kelbo.divergences import f
        >>> f.KLForward().symmetrized()
        Jeffreys()
    """

    def __call__(self, u: Tensor) -> Tensor:
        return 0.5 * (u - 1.0) * ops.log(u)

    def derivative(self, u: Tensor) -> Tensor:
        return 0.5 * (ops.log(u) + 1.0 - ops.reciprocal(u))

    def second_derivative(self, u: Tensor) -> Tensor:
        inverse = ops.reciprocal(u)
        return 0.5 * inverse * (1.0 + inverse)

    def of_log(self, log_u: Tensor) -> Tensor:
        return 0.5 * ops.expm1(log_u) * log_u

    def slope(self, log_u: Tensor) -> Tensor:
        return 0.5 * (u_times(log_u, log_u) + ops.expm1(log_u))

    def curvature(self, log_u: Tensor) -> Tensor:
        return 0.5 * u_times(log_u, log_u + 2.0)

    def conjugate(self, t: Tensor) -> Tensor:
        right = 1.0 - 2.0 * ops.convert_to_tensor(t)
        log_w = _log_lambert(
            right,
            ops.minimum(right, 0.0) - 1.0,
            ops.where(right > 1.0, ops.log(ops.maximum(right, 1.0)), right),
        )
        return ops.cosh(log_w) + t - 1.0


_log_lambert = ops.invert_monotone(lambda y: y + ops.exp(y))
