"""Noisy observations as features: with them a posterior is exact."""

from collections.abc import Callable
from typing import Any

import keras

from kelbo import ops
from kelbo.gp.inducing.features import Features
from kelbo.gp.kernels import Kernel
from kelbo.typing import Tensor


class Observations(Features):
    r"""The observations themselves, $u = f(X) + \epsilon$ with $\epsilon \sim N(0, \sigma^2 I)$.

    Their values are known, so the posterior given them is the exact one.

    Args:
        x: Inputs, a tensor of shape (n, d).
        noise_variance: $\sigma^2$, a tensor: a scalar, or one for each observation.
    """

    def __init__(self, x: Tensor, noise_variance: Tensor):
        self.observed_at, self.noise_variance = x, noise_variance

    @property
    def count(self) -> int:
        return self.observed_at.shape[0]

    def Kuu(self, kernel: Kernel, dtype: str = "float64") -> Tensor:
        noise = ops.cast(self.noise_variance, dtype)
        return ops.add_to_diagonal(kernel(ops.cast(self.observed_at, dtype)), noise)

    def factors(self, kernel: Kernel, jitter: float, dtype: str = "float64") -> list[Tensor]:
        # The inputs too: what is compiled gets them as an argument.
        (lower,) = super().factors(kernel, jitter, dtype)
        return [lower, ops.cast(self.observed_at, dtype)]

    def projections(self, kernel: Kernel, factors: list[Tensor], x: Tensor) -> list[Tensor]:
        lower, observed_at = factors
        return [ops.solve_triangular(lower, kernel(observed_at, x))]

    @property
    def columns(self) -> int:
        return self.observed_at.shape[-1]

    def values_of(
        self, function: Callable[[Tensor], Tensor], dtype: str, seed: Any = None
    ) -> Tensor:
        values = function(ops.cast(self.observed_at, dtype))
        noise = keras.random.normal(ops.shape(values), dtype=dtype, seed=seed)
        return values + ops.sqrt(ops.cast(self.noise_variance, dtype)) * noise

    def Kuf(self, kernel: Kernel, x: Tensor) -> Tensor:
        return kernel(ops.cast(self.observed_at, x.dtype), x)

    def Kuv(self, kernel: Kernel, other: Features, dtype: str = "float64") -> Tensor:
        return ops.transpose(other.Kuf(kernel, ops.cast(self.observed_at, dtype)))
