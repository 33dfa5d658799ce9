"""An entry of the table: a distribution with given parameters, and what is known about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NO_CDF = ("cdf", "quantile")
MOMENTS = ("mean", "variance", "mode", "entropy")


@dataclass(frozen=True)
class Case:
    """A distribution with given parameters, and what is known about it.

    Attributes:
        name: As it stands in the test's id.
        family: The class under test.
        parameters: Arguments of `make`, in float64.
        reference: From the parameters to the reference.
        values: Where densities are compared; broadcasts against batch_shape + event_shape. Inside
            the support, except at edges where the density is finite.
        batch_shape, event_shape: What the distribution must say.
        wrap: From a `family` with the parameters to the distribution; for Independent.
        inner: The class that takes the parameters, where it is not `family`.
        settings: Arguments that are no tensors: a number of components, a flag.
        missing: Methods that must refuse, of mean, variance, mode, entropy, cdf and quantile.
        cdf_at: Where the distribution function is compared.
        probabilities: Where the quantile function is compared.
        directions: By parameter, from a random array to a direction in which it may be moved (a
            matrix stays symmetric, probabilities go on summing to 1); None for a parameter that
            has no derivative (a count). Parameters that are not named move freely.
        middle: A number inside of the support: derivatives by the value are taken towards it.
        has_value_gradient: Whether the reference's density is defined beside the value, in each
            direction; false on a simplex, say.
        pathwise: How draws depend on the parameters where they are reparameterized: "smooth" where
            equal seeds give draws that move smoothly, "implicit" where they are accepted or
            rejected, so that only the gradient of an expectation can be compared; "none" where no
            parameter is.
        statistic: For implicit draws, a function of them and its mean from the parameters, of the
            same shape without the sample's; None for the draws themselves and the reference's mean.
        is_circular: Whether values are angles, whose mean and variance are those of directions.
        tolerance: Replaces the relative and absolute tolerance in float32, where the condition of
            the problem asks for it; say why beside it.
        numpyro: From the parameters to the distribution of numpyro, the second oracle.
        is_smooth: Whether densities are differentiable in the parameters.
        is_variant: Whether only the shapes are new, so that draws, gradients and float64 are
            left to the other entries.
    """

    name: str
    family: type
    parameters: dict[str, Any]
    reference: Callable[..., Any]
    values: Any
    batch_shape: tuple = ()
    event_shape: tuple = ()
    wrap: Callable[[Any], Any] = field(default=lambda distribution: distribution)
    inner: type | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    cdf_at: tuple[float, ...] = (-0.5, 0.0, 0.02, 0.5, 1.0, 1.5)
    probabilities: tuple[float, ...] = (0.0001, 0.2, 0.45, 0.55, 0.95)
    directions: dict[str, Callable[[Any], Any] | None] = field(default_factory=dict)
    middle: float = 0.5
    has_value_gradient: bool = True
    pathwise: str = "smooth"
    statistic: tuple[Callable[[Any], Any], Callable[..., Any]] | None = None
    is_circular: bool = False
    tolerance: dict[str, float] | None = None
    numpyro: Callable[..., Any] | None = None
    is_smooth: bool = True
    is_variant: bool = False

    def make(self, dtype=None, validate=True, **parameters):
        """The distribution; `parameters` replaces those of the entry."""
        parameters = parameters or self.parameters
        make = self.inner or self.family
        return self.wrap(make(**parameters, **self.settings, dtype=dtype, validate=validate))

    def direction_of(self, name, random):
        """A direction in which the parameter may be moved; zero for one that may not."""
        default = np.tril if name == "scale_tril" else np.asarray
        project = self.directions.get(name, default)
        return np.zeros_like(random) if project is None else project(random)


@dataclass(frozen=True)
class Tail:
    """A place where a naive formula overflows, cancels or divides by zero.

    `parameter` is the name of the one parameter that is differentiated by; `at` broadcasts with
    the values. The expected log densities and derivatives are exact. `tolerance` replaces the
    relative and absolute tolerance in float32; say why beside it.
    """

    name: str
    make: Callable[[Any], Any]
    at: np.ndarray
    values: np.ndarray
    log_prob: np.ndarray
    derivative: np.ndarray
    tolerance: dict[str, float] | None = None
