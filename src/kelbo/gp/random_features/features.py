r"""Features $\phi$ with $\phi(x)^\top \phi(x') \approx k(x, x')$."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.kernels import Kernel, Stationary
from kelbo.gp.kernels.kernel import as_inputs
from kelbo.layers.weights import ConstrainedWeight
from kelbo.typing import Tensor


class RandomFeatures(abc.ABC):
    r"""A function $\phi$ of inputs whose inner products are nearly a kernel.

    So $f(x) = \phi(x)^\top w$ with standard normal $w$ is nearly a draw of the process. It is
    differentiable by the inputs and by length scales and variances of the kernel, whose present
    values it takes at each call; what is drawn stays.
    """

    @property
    @abc.abstractmethod
    def count(self) -> int:
        """How many features there are."""

    @abc.abstractmethod
    def __call__(self, x: Any) -> Tensor:
        """The features at inputs.

        Args:
            x: Inputs, of shape (..., n, d).

        Returns:
            A tensor of shape (..., n, count), of the dtype of x.
        """


class FourierFeatures(RandomFeatures):
    r"""Waves of given frequencies: $\sqrt{\sigma^2 w_j} \cos(\omega_j^\top x)$ and as many sines.

    Their inner products are $\sigma^2 \sum_j w_j \cos(\omega_j^\top (x - x'))$. (Rahimi and Recht,
    2007, "Random features for large-scale kernel machines".)

    Args:
        kernel: The kernel, in whose length scales frequencies are measured.
        frequencies: $\omega$, of shape (m, d), in radians per length scale.
        weights: $w$, of shape (m,), of sum 1.
    """

    def __init__(self, kernel: Stationary, frequencies: np.ndarray, weights: np.ndarray):
        self.kernel, self.frequencies, self.weights = kernel, frequencies, weights

    @property
    def count(self) -> int:
        return 2 * len(self.weights)

    def __call__(self, x: Any) -> Tensor:
        x = of_columns(self.kernel, x)
        if x.shape[-1] != self.frequencies.shape[1]:
            raise ValueError(
                f"FourierFeatures: the frequencies are of {self.frequencies.shape[1]} columns, but "
                f"the kernel sees {x.shape[-1]} of the inputs."
            )
        frequencies = ops.convert_to_tensor(self.frequencies.T, dtype=x.dtype)
        weights = ops.convert_to_tensor(self.weights, dtype=x.dtype)
        phases = ops.matmul(self.kernel.scaled(x), frequencies)
        sizes = ops.sqrt(ops.cast(self.kernel.variance(), x.dtype) * weights)
        return ops.concatenate([sizes * ops.cos(phases), sizes * ops.sin(phases)], axis=-1)


class ScaledFeatures(RandomFeatures):
    """Features of a kernel that is multiplied by constants.

    Args:
        features: Those of the kernel.
        variances: The constants, parameters of `Constant` kernels.
    """

    def __init__(self, features: RandomFeatures, variances: Sequence[ConstrainedWeight]):
        self.features, self.variances = features, list(variances)

    @property
    def count(self) -> int:
        return self.features.count

    def __call__(self, x: Any) -> Tensor:
        found = self.features(x)
        for variance in self.variances:
            found = found * ops.sqrt(ops.cast(variance(), found.dtype))
        return found


class ConcatenatedFeatures(RandomFeatures):
    """Features of a sum of kernels: those of each, side by side.

    Args:
        parts: Features of the parts.
        kernel: The sum, which chooses columns before its parts do.
    """

    def __init__(self, parts: Sequence[RandomFeatures], kernel: Kernel):
        self.parts, self.kernel = list(parts), kernel

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    def __call__(self, x: Any) -> Tensor:
        x = of_columns(self.kernel, x)
        return ops.concatenate([part(x) for part in self.parts], axis=-1)


def of_columns(kernel: Kernel, x: Any) -> Tensor:
    """The columns of inputs that a kernel sees.

    Args:
        kernel: The kernel.
        x: Inputs, of shape (..., n, d).

    Returns:
        A tensor of shape (..., n, number of columns).
    """
    x = as_inputs(x, "random features: x")
    return x if kernel.active_dims is None else ops.take(x, kernel.active_dims, axis=-1)
