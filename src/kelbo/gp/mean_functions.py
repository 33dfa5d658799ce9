"""Mean functions of Gaussian processes, as Keras layers."""

import abc
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.gp.kernels.kernel import as_inputs
from kelbo.layers.settled import Settled
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


class MeanFunction(Settled, keras.layers.Layer, abc.ABC):
    """The mean of a Gaussian process before any data, $m(x)$.

    A subclass writes `mean_of`.

    Args:
        dtype: What the parameters are kept in; what is computed has the dtype of the inputs.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, dtype: Any = "float64", **kwargs: Any):
        super().__init__(dtype=dtype, **kwargs)
        if self.compute_dtype == "float64":
            ops.enable_float64()
        self.autocast = False
        self.built = True

    def __call__(self, x: Any) -> Tensor:
        """The means: see `call`."""
        return super().__call__(x) if isinstance(x, keras.KerasTensor) else self.call(x)

    def call(self, x: Any) -> Tensor:
        """The means.

        Args:
            x: Inputs, of shape (..., n, d).

        Returns:
            A tensor of shape (..., n).
        """
        return self.mean_of(as_inputs(x, f"{type(self).__name__}: x"))

    @abc.abstractmethod
    def mean_of(self, x: Tensor) -> Tensor:
        """The means at a tensor of inputs.

        Args:
            x: Tensor of shape (..., n, d).

        Returns:
            A tensor of shape (..., n), of the dtype of x.
        """

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape (..., n)."""
        return tuple(input_shape[:-1])


@registered
class ZeroMean(MeanFunction):
    """The mean 0.

    Example:
        >>> from kelbo import gp
        >>> gp.mean_functions.ZeroMean()([[1.0], [2.0]])
        [0., 0.]
    """

    def mean_of(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[..., 0])


@registered
class ConstantMean(MeanFunction):
    """One level for all inputs, which trains.

    Args:
        level: Where it starts.
        **kwargs: Passed to `MeanFunction`.

    Example:
        >>> from kelbo import gp
        >>> gp.mean_functions.ConstantMean(3.0)([[1.0], [2.0]])
        [3., 3.]
    """

    def __init__(self, level: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = float(level)
        self.level = self.add_weight(
            shape=(), initializer=lambda *_, **__: self.start, name="level"
        )

    def mean_of(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[..., 0]) + ops.cast(self.level, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "level": self.start}


@registered
class LinearMean(MeanFunction):
    r"""A linear trend, $w^\top x + b$, which trains.

    Args:
        weights: Where $w$ starts: one number for each column.
        bias: Where $b$ starts.
        **kwargs: Passed to `MeanFunction`.

    Example:
        >>> from kelbo import gp
        >>> gp.mean_functions.LinearMean([2.0], 1.0)([[1.0], [2.0]])
        [3., 5.]
    """

    def __init__(self, weights: ArrayLike, bias: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = np.asarray(ops.convert_to_numpy(weights), "float64").reshape(-1).tolist()
        self.start_of_bias = float(bias)
        self.slopes = self.add_weight(
            shape=(len(self.start),), initializer=lambda *_, **__: self.start, name="weights"
        )
        self.bias_weight = self.add_weight(
            shape=(), initializer=lambda *_, **__: self.start_of_bias, name="bias"
        )

    def mean_of(self, x: Tensor) -> Tensor:
        trend = ops.matmul(x, ops.cast(self.slopes, x.dtype))
        return trend + ops.cast(self.bias_weight, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.start, "bias": self.start_of_bias}
