"""Inducing features: the few values of a process that a sparse posterior is about."""

import abc
from collections.abc import Callable
from typing import Any

import keras

from kelbo import ops
from kelbo.gp.kernels import Kernel
from kelbo.gp.parameters import keep_precision
from kelbo.layers.settled import Settled
from kelbo.typing import Tensor


class Features(abc.ABC):
    r"""Linear functionals $u$ of a process $f$, of a prior covariance that is known.

    A subclass writes `count`, `Kuu`, `Kuf`, and `Kuv` for the features that it is combined with.
    """

    @property
    @abc.abstractmethod
    def count(self) -> int:
        """How many features there are, $M$."""

    @property
    def columns(self) -> int:
        """Number of columns of the inputs; for features that are values at points.

        Raises:
            NotImplementedError: They are none.
        """
        raise NotImplementedError(self._no_points())

    def _no_points(self):
        return (
            f"{type(self).__name__} are no values at points, which the draw of a function by "
            "random features has: take InducingPoints for `sample_functions`."
        )

    @abc.abstractmethod
    def Kuu(self, kernel: Kernel, dtype: str = "float64") -> Tensor:
        r"""Their covariance, $\mathrm{Cov}(u, u)$.

        Args:
            kernel: The kernel of the process.
            dtype: Of the result.

        Returns:
            A tensor of shape (M, M), without jitter.
        """

    @abc.abstractmethod
    def Kuf(self, kernel: Kernel, x: Tensor) -> Tensor:
        r"""Their covariance with values of the process, $\mathrm{Cov}(u, f(x))$.

        Args:
            kernel: The kernel of the process.
            x: Inputs, of shape (..., n, d).

        Returns:
            A tensor of shape (..., M, n).
        """

    @abc.abstractmethod
    def Kuv(self, kernel: Kernel, other: "InducingFeatures", dtype: str = "float64") -> Tensor:
        r"""Their covariance with other features of the same process, $\mathrm{Cov}(u, v)$.

        Args:
            kernel: The kernel of the process.
            other: The other features.
            dtype: Of the result.

        Returns:
            A tensor of shape (M, number of the others).

        Raises:
            TypeError: The two kinds do not go together.
        """

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of features that are independent of each other before any data."""
        return (self.count,)

    def factors(self, kernel: Kernel, jitter: float, dtype: str = "float64") -> list[Tensor]:
        r"""Cholesky factors of the covariance of each block: what can be kept of a kernel.

        Args:
            kernel: The kernel of the process.
            jitter: What is added to the diagonal of the covariance.
            dtype: Of the result.

        Returns:
            A list of lower triangular tensors; here $L$ alone, $L L^\top = K_{uu}$.
        """
        covariance = ops.add_to_diagonal(self.Kuu(kernel, dtype), jitter)
        return [ops.cholesky(covariance, name=f"{type(self).__name__}: Kuu")]

    def projections(self, kernel: Kernel, factors: list[Tensor], x: Tensor) -> list[Tensor]:
        r"""Covariances of values of the process with whitened features, $w = L^{-1} u$.

        Args:
            kernel: The kernel of the process.
            factors: What `factors` returned.
            x: Inputs, of shape (n, d).

        Returns:
            A list with a tensor of shape (count of the block, n) for each block: here
            $A = L^{-1} K_{uf}$ alone.
        """
        return [ops.solve_triangular(factors[0], self.Kuf(kernel, x))]

    def whitened_values(
        self, factors: list[Tensor], function: Callable[[Tensor], Tensor], seed: Any
    ) -> list[Tensor]:
        r"""The whitened features $L^{-1} u$ of functions that are known.

        Args:
            factors: What `factors` returned.
            function: Draws of the prior: takes inputs (n, d), returns values (draws, n).
            seed: Where noise comes from, if there is any.

        Returns:
            A list with a tensor of shape (draws, count of the block) for each block.

        Raises:
            NotImplementedError: They are no values of functions at points.
        """
        dtype = keras.backend.standardize_dtype(factors[0].dtype)
        u = self.values_of(function, dtype, seed)
        return [ops.transpose(ops.solve_triangular(factors[0], ops.transpose(u)))]

    def values_of(
        self, function: Callable[[Tensor], Tensor], dtype: str, seed: Any = None
    ) -> Tensor:
        """The features of functions that are known; for features that are values at points.

        Args:
            function: Takes inputs (n, d), returns values (draws, n).
            dtype: Of the inputs.
            seed: Where noise comes from, if there is any.

        Returns:
            A tensor of shape (draws, M).

        Raises:
            NotImplementedError: They are no values of functions at points.
        """
        raise NotImplementedError(self._no_points())


class InducingFeatures(Features, Settled, keras.layers.Layer):
    r"""The few features $u$ that a sparse posterior is a distribution of, as a layer.

    Values at points, inner products with functions on a sphere, ... A subclass writes what
    `Features` says.

    Args:
        count: How many there are, $M$.
        dtype: What variables are kept in; what is computed has the dtype of the inputs.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, count: int, *, dtype: Any = "float64", **kwargs: Any):
        super().__init__(dtype=dtype, **kwargs)
        keep_precision(self)
        self._count = int(count)

    def build(self, input_shape: Any = None) -> None:
        """Nothing: what there is was made in the constructor.

        Args:
            input_shape: Not used.
        """
        self.built = True

    @property
    def count(self) -> int:
        return self._count

    def call(self, x: Any) -> Any:
        """Refused: features have no output of their own."""
        raise TypeError(
            f"{type(self).__name__} is not called: give it to a sparse Gaussian process, as "
            "inducing=..."
        )
