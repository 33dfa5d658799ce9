"""Convex functions that make f-divergences, and what is derived from each of them."""

import abc
from typing import Any, ClassVar

import keras

from kelbo import ops
from kelbo.registration import registered
from kelbo.typing import Tensor


class CsiszarFunction(abc.ABC):
    r"""A convex function $f$ of $u > 0$ with $f(1) = 0$, which makes the divergence

    $$D_f(p, q) = \mathbb{E}_q\big[f(p / q)\big] \ge 0$$

    (Csiszár, 1963; Ali and Silvey, 1966.) All methods are elementwise. Those of $\ell = \log u$
    neither overflow nor lose their digits where the result can be held: they are what objectives
    and divergences use.

    A subclass writes them all, but `conjugate` where there is no closed form, and sets
    `slope_at_one`; `get_config` where its constructor takes arguments. It is registered with Keras
    under a name of its own, to be saved.

    Attributes:
        slope_at_one: $f'(1)$, a number; 0 for a kink there.
        is_smooth: Whether $f$ has no kink. The curvature says nothing of a kink, so that estimators
            which need it are wrong there.
    """

    slope_at_one: ClassVar[float] = 0.0
    is_smooth: ClassVar[bool] = True

    @abc.abstractmethod
    def __call__(self, u: Tensor) -> Tensor:
        """$f(u)$.

        Args:
            u: A tensor of positive numbers.

        Returns:
            A tensor of its shape.
        """

    @abc.abstractmethod
    def derivative(self, u: Tensor) -> Tensor:
        """$f'(u)$.

        Args:
            u: A tensor of positive numbers.

        Returns:
            A tensor of its shape.
        """

    @abc.abstractmethod
    def second_derivative(self, u: Tensor) -> Tensor:
        """$f''(u)$, at least 0; that of a kink is left out.

        Args:
            u: A tensor of positive numbers.

        Returns:
            A tensor of its shape.
        """

    @abc.abstractmethod
    def of_log(self, log_u: Tensor) -> Tensor:
        r"""$f(e^\ell)$.

        Args:
            log_u: $\ell$, a tensor.

        Returns:
            A tensor of its shape.
        """

    @abc.abstractmethod
    def slope(self, log_u: Tensor) -> Tensor:
        r"""$\frac{d}{d\ell} f(e^\ell) = u f'(u)$.

        Args:
            log_u: $\ell$, a tensor.

        Returns:
            A tensor of its shape.
        """

    @abc.abstractmethod
    def curvature(self, log_u: Tensor) -> Tensor:
        r"""$\frac{d^2}{d\ell^2} f(e^\ell) = u^2 f''(u) + u f'(u)$.

        Args:
            log_u: $\ell$, a tensor.

        Returns:
            A tensor of its shape.
        """

    def conjugate(self, t: Tensor) -> Tensor:
        r"""The convex conjugate $f^*(t) = \sup_{u > 0}\, u t - f(u)$; infinite where it is.

        Args:
            t: A tensor.

        Returns:
            A tensor of its shape.

        Raises:
            NotImplementedError: There is no closed form.
        """
        raise NotImplementedError(
            f"{self!r} has no convex conjugate in closed form. The variational bound can do "
            "without: see dual_bound."
        )

    def dual(self) -> "CsiszarFunction":
        r"""$f^\circ(u) = u f(1 / u)$, whose divergence has its arguments swapped."""
        return Dual(self)

    def symmetrized(self) -> "CsiszarFunction":
        r"""$\tfrac{1}{2}(f + f^\circ)$, whose divergence is symmetric."""
        return Symmetrized(self)

    def self_normalized(self) -> "CsiszarFunction":
        r"""$f(u) - f'(1)(u - 1)$, the same divergence of densities, at least 0 everywhere.

        So the divergence is not negative for measures that are not normalised either, and single
        draws are not where $p = q$.
        """
        return self.tilted(-self.slope_at_one)

    def tilted(self, slope: float) -> "CsiszarFunction":
        """$f(u) + c (u - 1)$, the same divergence of densities.

        Args:
            slope: The number $c$.

        Returns:
            A function of its kind.
        """
        return self if slope == 0 else Tilted(self, slope)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CsiszarFunction":
        """The function that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class SelfDual(CsiszarFunction):
    """A function whose divergence is symmetric: it is its own dual."""

    def dual(self) -> "CsiszarFunction":
        return self

    def symmetrized(self) -> "CsiszarFunction":
        return self


class Derived(CsiszarFunction):
    """A function made of another one.

    Args:
        function: The other one.
    """

    def __init__(self, function: CsiszarFunction):
        self.function = function

    @property
    def is_smooth(self) -> bool:
        """Whether the other one is."""
        return self.function.is_smooth

    def get_config(self) -> dict[str, Any]:
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Derived":
        """The function that `get_config` described."""
        function = keras.saving.deserialize_keras_object(config["function"])
        return cls(**{**config, "function": function})

    def __repr__(self) -> str:
        shown = {**self.get_config(), "function": self.function}
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{type(self).__name__}({arguments})"


@registered(name="f.Dual")
class Dual(Derived):
    r"""$f^\circ(u) = u f(1 / u)$, so that $D_{f^\circ}(p, q) = D_f(q, p)$.

    Args:
        function: $f$.

    Example:
        >>> from kelbo.divergences import f
        >>> float(f.Dual(f.Pearson())(2.0))  # (u - 1)^2 / u
        0.5
    """

    @property
    def slope_at_one(self) -> float:
        """Minus that of the other one, because its value at 1 is 0."""
        return -self.function.slope_at_one

    def __call__(self, u: Tensor) -> Tensor:
        return u * self.function(ops.reciprocal(u))

    def derivative(self, u: Tensor) -> Tensor:
        inverse = ops.reciprocal(u)
        return self.function(inverse) - inverse * self.function.derivative(inverse)

    def second_derivative(self, u: Tensor) -> Tensor:
        inverse = ops.reciprocal(u)
        return inverse**3 * self.function.second_derivative(inverse)

    def of_log(self, log_u: Tensor) -> Tensor:
        return ops.exp(log_u) * self.function.of_log(-log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        f = self.function
        return ops.exp(log_u) * (f.of_log(-log_u) - f.slope(-log_u))

    def curvature(self, log_u: Tensor) -> Tensor:
        f = self.function
        change = f.of_log(-log_u) - 2.0 * f.slope(-log_u) + f.curvature(-log_u)
        return ops.exp(log_u) * change

    def dual(self) -> CsiszarFunction:
        return self.function


@registered(name="f.Symmetrized")
class Symmetrized(Derived, SelfDual):
    r"""$\tfrac{1}{2}\big(f(u) + u f(1 / u)\big)$, the mean of both divergences.

    Args:
        function: $f$.

    Example:
        >>> from kelbo.divergences import f
        >>> symmetric = f.Pearson().symmetrized()
        >>> float(symmetric(4.0)), float(4.0 * symmetric(0.25))
        (5.625, 5.625)
    """

    def __init__(self, function: CsiszarFunction):
        super().__init__(function)
        self._both = (function, function.dual())

    def _mean(self, method, argument):
        first, second = (getattr(function, method)(argument) for function in self._both)
        return 0.5 * first + 0.5 * second

    def __call__(self, u: Tensor) -> Tensor:
        return self._mean("__call__", u)

    def derivative(self, u: Tensor) -> Tensor:
        return self._mean("derivative", u)

    def second_derivative(self, u: Tensor) -> Tensor:
        return self._mean("second_derivative", u)

    def of_log(self, log_u: Tensor) -> Tensor:
        return self._mean("of_log", log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return self._mean("slope", log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return self._mean("curvature", log_u)


@registered(name="f.Tilted")
class Tilted(Derived):
    r"""$f(u) + c (u - 1)$, of the same divergence, as $\mathbb{E}_q[p / q] = 1$.

    Args:
        function: $f$.
        slope: The number $c$.

    Example:
        >>> from kelbo.divergences import f
        >>> f.KLReverse().self_normalized()  # u - 1 - log u
        Tilted(function=KLReverse(), slope=1.0)
    """

    def __init__(self, function: CsiszarFunction, slope: float):
        super().__init__(function)
        self.added_slope = float(slope)

    @property
    def slope_at_one(self) -> float:
        """That of the other one, and what was added."""
        return self.function.slope_at_one + self.added_slope

    def __call__(self, u: Tensor) -> Tensor:
        return self.function(u) + self.added_slope * (u - 1.0)

    def derivative(self, u: Tensor) -> Tensor:
        return self.function.derivative(u) + self.added_slope

    def second_derivative(self, u: Tensor) -> Tensor:
        return self.function.second_derivative(u)

    def of_log(self, log_u: Tensor) -> Tensor:
        return self.function.of_log(log_u) + self.added_slope * ops.expm1(log_u)

    def slope(self, log_u: Tensor) -> Tensor:
        return self.function.slope(log_u) + self.added_slope * ops.exp(log_u)

    def curvature(self, log_u: Tensor) -> Tensor:
        return self.function.curvature(log_u) + self.added_slope * ops.exp(log_u)

    def conjugate(self, t: Tensor) -> Tensor:
        return self.function.conjugate(t - self.added_slope) + self.added_slope

    def dual(self) -> CsiszarFunction:
        return self.function.dual().tilted(-self.added_slope)

    def tilted(self, slope: float) -> CsiszarFunction:
        return self.function.tilted(self.added_slope + slope)

    def symmetrized(self) -> CsiszarFunction:
        return self.function.symmetrized()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "slope": self.added_slope}
