r"""Features $\phi$ with $\phi(x)^\top \phi(x') \approx k(x, x')$."""

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.gp.kernels import Constant, Kernel
from kelbo.gp.kernels.columns import for_columns
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
    r"""Waves: $\sqrt{v_j} \cos(\omega_j^\top x)$, and as many sines.

    Their inner products are $\sum_j v_j \cos(\omega_j^\top (x - x'))$. (Rahimi and Recht, 2007,
    "Random features for large-scale kernel machines".) A subclass writes `waves`.

    Args:
        kernel: The kernel.
        frequencies: Of shape (m, d), in units of the kernel's own.
        weights: Of shape (m,), of sum 1.
    """

    def __init__(self, kernel: Kernel, frequencies: np.ndarray, weights: np.ndarray):
        self.kernel, self.frequencies, self.weights = kernel, frequencies, weights

    @abc.abstractmethod
    def waves(self, dtype: str) -> tuple[Tensor, Tensor]:
        r"""Frequencies and variances, by the present parameters of the kernel.

        Args:
            dtype: Of the result.

        Returns:
            $\omega$, of shape (count / 2, d), in radians per unit of the inputs, and $v$, of shape
            (count / 2,).
        """

    @property
    def count(self) -> int:
        return 2 * len(self.weights)

    def _drawn(self, dtype):
        pair = (self.frequencies, self.weights)
        return [ops.convert_to_tensor(each, dtype=dtype) for each in pair]

    def __call__(self, x: Any) -> Tensor:
        x = of_columns(self.kernel, x)
        if x.shape[-1] != self.frequencies.shape[1]:
            raise ValueError(
                f"random features: the frequencies are of {self.frequencies.shape[1]} columns, but "
                f"the kernel sees {x.shape[-1]} of the inputs."
            )
        frequencies, variances = self.waves(x.dtype)
        phases, sizes = ops.matmul(x, ops.transpose(frequencies)), ops.sqrt(variances)
        return ops.concatenate([sizes * ops.cos(phases), sizes * ops.sin(phases)], axis=-1)


class StationaryFeatures(FourierFeatures):
    """Waves of a kernel of distances; frequencies are in radians per length scale."""

    def waves(self, dtype: str) -> tuple[Tensor, Tensor]:
        frequencies, weights = self._drawn(dtype)
        variance = ops.cast(self.kernel.variance(), dtype)
        scale = for_columns(self.kernel, self.kernel.length_scale, frequencies)
        return frequencies / scale, variance * weights


class MixtureFeatures(FourierFeatures):
    """Waves of a `SpectralMixture`; frequencies are standard normal, those of each part in turn."""

    @property
    def count(self) -> int:
        return 2 * len(self.weights) * self.kernel.means.shape[0]

    def waves(self, dtype: str) -> tuple[Tensor, Tensor]:
        frequencies, weights = self._drawn(dtype)
        parts = (self.kernel.mixture_weights, self.kernel.means, self.kernel.scales)
        sizes, means, scales = (ops.cast(part(), dtype) for part in parts)
        cycles = means[:, None, :] + scales[:, None, :] * frequencies
        variances = sizes[:, None] * weights
        columns = self.frequencies.shape[1]
        radians = 2.0 * math.pi * ops.reshape(cycles, (-1, columns))
        return radians, ops.reshape(variances, (-1,))


class ConstantFeatures(RandomFeatures):
    r"""A wave that has no frequency: its cosine, $\sigma$, and its sine, 0.

    Args:
        kernel: A `Constant`.
    """

    def __init__(self, kernel: Constant):
        self.kernel = kernel

    @property
    def count(self) -> int:
        return 2

    def __call__(self, x: Any) -> Tensor:
        zeros = ops.zeros_like(of_columns(self.kernel, x)[..., :1])
        level = ops.sqrt(ops.cast(self.kernel.variance(), zeros.dtype))
        return ops.concatenate([zeros + level, zeros], axis=-1)


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
