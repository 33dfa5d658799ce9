"""Mean functions of Gaussian processes, as Keras layers."""

import abc
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.gp.kernels.kernel import as_inputs
from kelbo.gp.parameters import keep_precision, starting_at
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
        keep_precision(self)

    def build(self, input_shape: Any = None) -> None:
        """Nothing: what there is was made in the constructor.

        Args:
            input_shape: Not used.
        """
        self.built = True

    def __call__(self, x: Any) -> Tensor:
        """The means: see `call`."""
        return super().__call__(x) if isinstance(x, keras.KerasTensor) else self.call(x)

    def call(self, x: Any) -> Tensor:
        """The means.

        Args:
            x: Inputs, of shape (..., n, d).

        Returns:
            A tensor of shape (..., n), or (..., n, latents) of one that has several values.
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
        self._start = float(level)
        self.level_weight = self.add_weight(
            shape=(), initializer=starting_at(self._start), name="level"
        )

    def mean_of(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[..., 0]) + ops.cast(self.level_weight, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "level": self._start}


@registered
class LinearMean(MeanFunction):
    r"""A linear trend, $w^\top x + b$.

    With a matrix of weights it has one value for each process of several; not trained, and with
    the principal directions of the inputs for weights, it hands the inputs on through a deep
    Gaussian process (Salimbeni and Deisenroth, 2017, sec. 3.1): see `propagating`.

    Args:
        weights: Where $w$ starts: one number for each column, or an array of shape (d, latents).
        bias: Where $b$ starts: a number.
        **kwargs: Passed to `MeanFunction`: `trainable=False` for a trend that stays.

    Example:
        >>> from kelbo import gp
        >>> gp.mean_functions.LinearMean([2.0], 1.0)([[1.0], [2.0]])
        [3., 5.]
    """

    def __init__(self, weights: ArrayLike, bias: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        start = np.asarray(ops.convert_to_numpy(weights), "float64")
        if start.ndim not in (1, 2):
            raise ValueError(
                f"LinearMean: weights must have the shape (d,) or (d, latents), got {start.shape}."
            )
        self._start, self._start_of_bias = start, float(bias)
        self.slopes = self._weight("weights", start)
        self.intercept = self._weight("bias", np.full(start.shape[1:], self._start_of_bias))

    def _weight(self, name, start):
        return self.add_weight(shape=start.shape, initializer=starting_at(start), name=name)

    def mean_of(self, x: Tensor) -> Tensor:
        trend = ops.matmul(x, ops.cast(self.slopes, x.dtype))
        return trend + ops.cast(self.intercept, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weights": self._start.tolist(),
            "bias": self._start_of_bias,
        }


def propagating(x: ArrayLike, latents: int) -> LinearMean:
    r"""The mean that hands inputs on to the next layer of a deep Gaussian process.

    Where there are as many processes as columns each keeps its own; where there are fewer they keep
    the principal directions of the inputs, where there are more the further ones are 0.

    Args:
        x: Inputs of the layer, an array of shape (n, d).
        latents: Number of processes.

    Returns:
        A mean function, which does not train.

    Example:
        >>> from kelbo import gp
        >>> gp.mean_functions.propagating([[1.0, 2.0], [3.0, 5.0]], 2)([[1.0, 2.0]])
        [[1., 2.]]
    """
    x = np.asarray(ops.convert_to_numpy(x), "float64")
    size = x.shape[1]
    if latents >= size:
        weights = np.eye(size, latents)
    else:
        weights = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:latents].T
    return LinearMean(weights, trainable=False)
