"""Functions with a kink at u = 1."""

from kelbo import ops
from kelbo.divergences.f_functions.csiszar_function import CsiszarFunction, SelfDual
from kelbo.divergences.f_functions.numerics import within
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered(name="f.TotalVariation")
class TotalVariation(SelfDual):
    r"""$f(u) = \tfrac{1}{2} \lvert u - 1 \rvert$: $D_f = \tfrac{1}{2} \int \lvert p - q \rvert$.

    From 0 to 1. $f^*(t) = \max(t, -1/2)$ for $t \le 1/2$. All of its curvature is in the kink:
    estimators that need the curvature are no use.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.TotalVariation()(3.0))
        1.0
    """

    is_smooth = False

    def __call__(self, u: Tensor) -> Tensor:
        return 0.5 * ops.abs(u - 1.0)

    def derivative(self, u: Tensor) -> Tensor:
        return 0.5 * ops.sign(u - 1.0)

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.zeros_like(u)

    def of_log(self, log_u: Tensor) -> Tensor:
        return 0.5 * ops.abs(ops.expm1(log_u))

    def slope(self, log_u: Tensor) -> Tensor:
        return 0.5 * ops.sign(log_u) * ops.exp(log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return self.slope(log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        return ops.where(ops.less_equal(t, 0.5), ops.maximum(t, -0.5), float("inf"))


@registered(name="f.Log1pAbs")
class Log1pAbs(CsiszarFunction):
    r"""$f(u) = u^{\operatorname{sign}(u - 1)} - 1$, which is $e^{\lvert \log u \rvert} - 1$.

    $f^*(t) = t$ for $\lvert t \rvert \le 1$, $1 - 2 \sqrt{-t}$ below, and infinite above. (Of
    TensorFlow Probability's `tfp.vi`, Dillon et al., 2017.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.Log1pAbs()(3.0)), float(f.Log1pAbs()(0.25))
        (2.0, 3.0)
    """

    is_smooth = False

    def __call__(self, u: Tensor) -> Tensor:
        return ops.maximum(u, ops.reciprocal(u)) - 1.0

    def derivative(self, u: Tensor) -> Tensor:
        sign = ops.sign(u - 1.0)
        return ops.where(sign < 0, -ops.square(ops.reciprocal(u)), sign)

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.where(ops.less(u, 1.0), 2.0 * ops.power(u, -3.0), 0.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.expm1(ops.abs(log_u))

    def slope(self, log_u: Tensor) -> Tensor:
        return ops.sign(log_u) * ops.exp(ops.abs(log_u))

    def curvature(self, log_u: Tensor) -> Tensor:
        return ops.exp(ops.abs(log_u))

    def conjugate(self, t: Tensor) -> Tensor:
        t = ops.convert_to_tensor(t)
        flat = ops.where(t <= 1.0, t, float("inf"))
        return within(t, t < -1.0, lambda t: 1.0 - 2.0 * ops.sqrt(-t), -1.0, flat)
