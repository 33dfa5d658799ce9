"""Two sets of features, of which the second is about what the first leaves over."""

from collections.abc import Callable
from typing import Any

import keras

from kelbo import ops
from kelbo.gp.inducing.features import Features, InducingFeatures
from kelbo.gp.kernels import Kernel
from kelbo.registration import registered
from kelbo.typing import Tensor


@registered
class OrthogonalFeatures(InducingFeatures):
    r"""Features $u$, and features $v$ of the part of the process that $u$ does not explain.

    $$f = f_\parallel + f_\perp, \qquad
      \mathrm{Cov}(f_\perp(x), f_\perp(x')) = k(x, x') - k_{u}(x)^\top K_{uu}^{-1} k_{u}(x')$$

    The two parts are independent before any data, and a posterior keeps them so: with a normal
    distribution for each of them it costs $O(M^3 + K^3)$ where as many features in one set would
    cost $O((M + K)^3)$. With both distributions full this is the orthogonal decoupling of Shi,
    Titsias and Mnih (2020), "Sparse orthogonal variational inference for Gaussian processes", eq.
    11; where the covariance of the second stays that of the prior it is the one of Salimbeni et
    al. (2018), "Orthogonally decoupled variational Gaussian processes". Any two kinds of features
    go together that know their covariance (Tiao, Dutordoir and Picheny, 2023, "Spherical inducing
    features for orthogonally-decoupled Gaussian processes").

    Args:
        first: The features $u$.
        second: The features $v$.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: One is no `InducingFeatures`.

    Example:
        >>> from kelbo import gp
        >>> first = gp.inducing.InducingPoints([[0.0], [1.0]])
        >>> second = gp.inducing.InducingPoints([[0.5]])
        >>> gp.inducing.OrthogonalFeatures(first, second).blocks
        (2, 1)
    """

    def __init__(self, first: InducingFeatures, second: InducingFeatures, **kwargs: Any):
        for features in (first, second):
            if not isinstance(features, InducingFeatures):
                raise TypeError(
                    f"OrthogonalFeatures is made of two InducingFeatures, got {features!r}."
                )
        super().__init__(first.count + second.count, **kwargs)
        self.first, self.second = first, second

    @property
    def blocks(self) -> tuple[int, ...]:
        return (*self.first.blocks, *self.second.blocks)

    def factors(self, kernel: Kernel, jitter: float, dtype: str = "float64") -> list[Tensor]:
        (first,) = self.first.factors(kernel, jitter, dtype)
        shared = ops.solve_triangular(first, self.first.Kuv(kernel, self.second, dtype))
        left_over = self.second.Kuu(kernel, dtype) - ops.matmul(ops.transpose(shared), shared)
        left_over = ops.add_to_diagonal(left_over, jitter)
        second = ops.cholesky(left_over, name="OrthogonalFeatures: what the first leave over")
        return [first, second, shared]

    def projections(self, kernel: Kernel, factors: list[Tensor], x: Tensor) -> list[Tensor]:
        first, second, shared = factors
        parallel = ops.solve_triangular(first, self.first.Kuf(kernel, x))
        left_over = self.second.Kuf(kernel, x) - ops.matmul(ops.transpose(shared), parallel)
        return [parallel, ops.solve_triangular(second, left_over)]

    @property
    def columns(self) -> int:
        return self.first.columns

    def whitened_values(
        self, factors: list[Tensor], function: Callable[[Tensor], Tensor], seed: Any
    ) -> list[Tensor]:
        first, second, shared = factors
        (parallel,) = self.first.whitened_values([first], function, seed)
        dtype = keras.backend.standardize_dtype(first.dtype)
        left_over = self.second.values_of(function, dtype, seed) - ops.matmul(parallel, shared)
        whitened = ops.solve_triangular(second, ops.transpose(left_over))
        return [parallel, ops.transpose(whitened)]

    def Kuu(self, kernel: Kernel, dtype: str = "float64") -> Tensor:
        shared = self.first.Kuv(kernel, self.second, dtype)
        top = ops.concatenate([self.first.Kuu(kernel, dtype), shared], axis=1)
        second = self.second.Kuu(kernel, dtype)
        bottom = ops.concatenate([ops.transpose(shared), second], axis=1)
        return ops.concatenate([top, bottom], axis=0)

    def Kuf(self, kernel: Kernel, x: Tensor) -> Tensor:
        return ops.concatenate([self.first.Kuf(kernel, x), self.second.Kuf(kernel, x)], axis=-2)

    def Kuv(self, kernel: Kernel, other: Features, dtype: str = "float64") -> Tensor:
        parts = [part.Kuv(kernel, other, dtype) for part in (self.first, self.second)]
        return ops.concatenate(parts, axis=0)

    def get_config(self) -> dict[str, Any]:
        parts = {"first": self.first, "second": self.second}
        return {
            **super().get_config(),
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "OrthogonalFeatures":
        """The features that `get_config` described."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("first", "second")
        }
        return cls(**{**config, **parts})
