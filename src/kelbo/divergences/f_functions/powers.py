"""Powers of the ratio: the chi-square divergences, Hellinger's, and Amari's family."""

from typing import Any

from kelbo import ops
from kelbo.divergences.f_functions.csiszar_function import CsiszarFunction, SelfDual
from kelbo.divergences.f_functions.numerics import power_minus_one, u_times, within
from kelbo.parameters import real_number
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered(name="f.Pearson")
class Pearson(CsiszarFunction):
    r"""$f(u) = (u - 1)^2$: Pearson's chi-square divergence, $\int (p - q)^2 / q$.

    $f^*(t) = t + t^2 / 4$ for $t \ge -2$, and -1 below. Its dual is Neyman's. (Pearson, 1900.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.Pearson()(3.0))
        4.0
    """

    def __call__(self, u: Tensor) -> Tensor:
        return ops.square(u - 1.0)

    def derivative(self, u: Tensor) -> Tensor:
        return 2.0 * (u - 1.0)

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.full_like(u, 2.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.square(ops.expm1(log_u))

    def slope(self, log_u: Tensor) -> Tensor:
        return 2.0 * ops.exp(log_u) * ops.expm1(log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        u = ops.exp(log_u)
        return 2.0 * u * (u + ops.expm1(log_u))

    def conjugate(self, t: Tensor) -> Tensor:
        t = ops.maximum(t, -2.0)
        return t + 0.25 * ops.square(t)

    def dual(self) -> CsiszarFunction:
        return TPower(-1.0).tilted(1.0)


@registered(name="f.ChiSquare")
class ChiSquare(CsiszarFunction):
    r"""$f(u) = u^2 - 1$: the same divergence as `Pearson`, as $\mathbb{E}_q[(p / q)^2] - 1$.

    $f^*(t) = \max(t, 0)^2 / 4 + 1$.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.ChiSquare()(3.0))
        8.0
    """

    slope_at_one = 2.0

    def __call__(self, u: Tensor) -> Tensor:
        return ops.square(u) - 1.0

    def derivative(self, u: Tensor) -> Tensor:
        return ops.multiply(u, 2.0)

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.full_like(u, 2.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.expm1(2.0 * log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return 2.0 * ops.exp(2.0 * log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return 4.0 * ops.exp(2.0 * log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        return 0.25 * ops.square(ops.maximum(t, 0.0)) + 1.0

    def dual(self) -> CsiszarFunction:
        return TPower(-1.0).tilted(-1.0)


@registered(name="f.SquaredHellinger")
class SquaredHellinger(SelfDual):
    r"""$f(u) = (\sqrt{u} - 1)^2$: $D_f = \int (\sqrt{p} - \sqrt{q})^2$, from 0 to 2.

    $f^*(t) = t / (1 - t)$ for $t < 1$. (Hellinger, 1909; without the factor 1/2 of some authors.)

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.SquaredHellinger()(9.0))
        4.0
    """

    def __call__(self, u: Tensor) -> Tensor:
        return ops.square(ops.sqrt(u) - 1.0)

    def derivative(self, u: Tensor) -> Tensor:
        return 1.0 - ops.rsqrt(u)

    def second_derivative(self, u: Tensor) -> Tensor:
        return 0.5 * ops.rsqrt(u) / u

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.square(ops.expm1(0.5 * log_u))

    def slope(self, log_u: Tensor) -> Tensor:
        return ops.exp(0.5 * log_u) * ops.expm1(0.5 * log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        root = ops.exp(0.5 * log_u)
        return root * (root - 0.5)

    def conjugate(self, t: Tensor) -> Tensor:
        return within(t, ops.less(t, 1.0), lambda t: t / (1.0 - t), 0.0, float("inf"))


@registered(name="f.TPower")
class TPower(CsiszarFunction):
    r"""$f(u) = s\,(u^t - 1)$, with $s = -1$ for $0 < t < 1$ and 1 elsewhere.

    $f^*(y) = s + s (t - 1) (s y / t)^{t / (t - 1)}$ where $s y / t > 0$. `Amari` is the same but
    for the scale, and has limits at $t = 0$ and 1, where this is the divergence 0.

    Args:
        t: Any finite number but 0 and 1.

    Raises:
        ValueError: It is none of them.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.TPower(3.0)(2.0)), float(f.TPower(0.5)(4.0))
        (7.0, -1.0)
    """

    def __init__(self, t: float):
        self.t = real_number("TPower", "t", t)
        if self.t in (0, 1):
            raise ValueError(
                f"TPower: t must be a finite number other than 0 and 1, got {t!r}; at these the "
                "divergence is 0 for all densities: see KLReverse and KLForward, or Amari."
            )
        self._sign = -1.0 if 0 < t < 1 else 1.0

    @property
    def slope_at_one(self) -> float:
        """$s t$."""
        return self._sign * self.t

    def __call__(self, u: Tensor) -> Tensor:
        return self._sign * (ops.power(u, self.t) - 1.0)

    def derivative(self, u: Tensor) -> Tensor:
        return self.slope_at_one * ops.power(u, self.t - 1.0)

    def second_derivative(self, u: Tensor) -> Tensor:
        return self.slope_at_one * (self.t - 1.0) * ops.power(u, self.t - 2.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        return self._sign * ops.expm1(self.t * log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return self.slope_at_one * ops.exp(self.t * log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return self.slope_at_one * self.t * ops.exp(self.t * log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        def inside(power):
            return self._sign * (1.0 + (self.t - 1.0) * ops.power(power, self.t / (self.t - 1.0)))

        power = ops.convert_to_tensor(t) / self.slope_at_one
        # For t > 1 the supremum is at u = 0 then; elsewhere out of reach, but at a slope of 0.
        is_infinite = (power < 0) & (self.t < 1) | (0 < self.t < 1)
        return within(power, power > 0, inside, 1.0, ops.where(is_infinite, float("inf"), 1.0))

    def dual(self) -> CsiszarFunction:
        # Of a large t, u times the power of 1 / u would overflow; of a small one the 1 cancels.
        return TPower(1.0 - self.t).tilted(-1.0) if self.t > 1 else super().dual()

    def get_config(self) -> dict[str, Any]:
        return {"t": self.t}


@registered(name="f.Amari")
class Amari(CsiszarFunction):
    r"""Amari's family, $f(u) = \frac{u^\alpha - 1 - \alpha (u - 1)}{\alpha (\alpha - 1)}$.

    Its limits are $u - 1 - \log u$ for $\alpha \to 0$, which makes $\mathrm{KL}(q \Vert p)$, and
    $u \log u - u + 1$ for $\alpha \to 1$, which makes $\mathrm{KL}(p \Vert q)$. Further members are
    twice `SquaredHellinger` ($\alpha = 1/2$), half of `Pearson` ($\alpha = 2$) and of its dual
    ($\alpha = -1$). It is self-normalised: the term in $u - 1$ adds nothing to the
    divergence of densities, and lets the limits exist. With
    $e_\alpha(t) = (1 + (\alpha - 1) t)^{1 / (\alpha - 1)}$, where the base is positive,
    $f^*(t) = (e_\alpha(t)^\alpha - 1) / \alpha$.

    (Amari, 1985, "Differential-geometrical methods in statistics", whose own parameter is
    $\pm(2 \alpha - 1)$; this one is that of Cichocki and Amari, 2010, and of Minka, 2005.)

    Args:
        alpha: $\alpha$, any finite number.

    Raises:
        ValueError: It is not finite.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.Amari(2.0)(3.0)), float(f.Amari(1.0).derivative(1.0))
        (2.0, 0.0)
    """

    def __init__(self, alpha: float):
        self.alpha = real_number("Amari", "alpha", alpha)

    def __call__(self, u: Tensor) -> Tensor:
        return self.of_log(ops.log(u))

    def derivative(self, u: Tensor) -> Tensor:
        return power_minus_one(self.alpha - 1.0, ops.log(u))

    def second_derivative(self, u: Tensor) -> Tensor:
        return ops.power(u, self.alpha - 2.0)

    def of_log(self, log_u: Tensor) -> Tensor:
        # Either form is stable about one of the limits.
        if self.alpha > 0.5:
            return (self.slope(log_u) - ops.expm1(log_u)) / self.alpha
        return (power_minus_one(self.alpha, log_u) - ops.expm1(log_u)) / (self.alpha - 1.0)

    def slope(self, log_u: Tensor) -> Tensor:
        # (u^alpha - u) / (alpha - 1): as a product that is right about alpha = 1, and as a
        # difference where a factor of the product would overflow.
        log_u = ops.convert_to_tensor(log_u)
        if self.alpha < 0:
            return (ops.expm1(self.alpha * log_u) - ops.expm1(log_u)) / (self.alpha - 1.0)
        difference = power_minus_one(abs(self.alpha - 1.0), log_u)
        return u_times(min(self.alpha, 1.0) * log_u, difference) if self.alpha else difference

    def curvature(self, log_u: Tensor) -> Tensor:
        power = ops.exp(self.alpha * log_u)
        if self.alpha > 0.5:
            return power + self.slope(log_u)
        return (self.alpha * power - ops.exp(log_u)) / (self.alpha - 1.0)

    def conjugate(self, t: Tensor) -> Tensor:
        power = self.alpha - 1.0
        if power == 0:
            return ops.expm1(t)

        def inside(base):
            return power_minus_one(self.alpha, ops.log1p(base) / power)

        base = power * ops.convert_to_tensor(t)
        at_zero = -1.0 / self.alpha if power > 0 else float("inf")
        return within(base, base > -1.0, inside, 0.0, at_zero)

    def dual(self) -> CsiszarFunction:
        return Amari(1.0 - self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha}
