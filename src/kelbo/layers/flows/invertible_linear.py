"""A trainable matrix in its LU form."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from kelbo import bijectors, ops
from kelbo.bijectors import Bijector
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.registration import registered


# The bijector has the same name, and is registered too.
@registered
class InvertibleLinear(ParametricBijector):
    r"""A trainable matrix on the last axis, $y = P L (U + \operatorname{diag}(s))\, x$.

    It starts as a random rotation, in the LU form of `bijectors.InvertibleLinear`; the permutation
    $P$ and the signs of $s$ stay as they are (Kingma and Dhariwal, 2018, section 3.2). On images
    it mixes the channels of each pixel: Glow's invertible 1 x 1 convolution.

    Args:
        event_shape: Shape of the values that are mapped, the last axis their entries or channels.
        seed: Integer that decides the rotation. None draws one (which
            `keras.utils.set_random_seed` decides).
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import InvertibleLinear
        >>> InvertibleLinear((8, 8, 3), seed=0).given().forward(np.zeros((8, 8, 3))).shape
        (8, 8, 3)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        seed: int | None = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        self.seed = random.randrange(2**31) if seed is None else seed
        from scipy.linalg import lu, qr

        size = self.event_shape[-1]
        rotation = qr(np.random.default_rng(self.seed).normal(size=(size, size)))[0]
        permutation, self._lower, self._upper = lu(rotation)
        self._permutation = tuple(int(i) for i in np.argmax(permutation, axis=1))
        self._signs = np.sign(np.diag(self._upper))

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        size = self.event_shape[-1]
        log_size = np.log(np.abs(np.diag(self._upper)))
        return {
            "lower": ((size, size), _starts_at(np.tril(self._lower, -1))),
            "upper": ((size, size), _starts_at(np.triu(self._upper, 1))),
            "log_diagonal": ((size,), _starts_at(log_size)),
        }

    def forward_bijector(self, lower: Any, upper: Any, log_diagonal: Any) -> Bijector:
        diagonal = ops.exp(log_diagonal)
        signs = ops.convert_to_tensor(self._signs, dtype=diagonal.dtype)
        return bijectors.InvertibleLinear(
            lower, upper, signs * diagonal, self._permutation, validate=False
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _starts_at(value):
    def initializer(shape, dtype=None):
        return ops.convert_to_tensor(np.reshape(value, shape), dtype=dtype)

    return initializer
