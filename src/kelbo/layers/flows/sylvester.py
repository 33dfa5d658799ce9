"""The Sylvester flow."""

from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Bijector, Sylvester
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.parameters import whole_number
from kelbo.registration import registered


@registered
class SylvesterFlow(ParametricBijector):
    r"""A trainable `bijectors.Sylvester`, $y = x + Q R \tanh(\tilde R Q^\top x + b)$.

    $Q$ is a product of Householder reflections, orthonormal whatever its parameters are; the
    diagonals of $R$ and $\tilde R$ go through a tanh, so that the map stays invertible (van den
    Berg, Hasenclever, Tomczak and Welling, 2018). The inverse is found by bisection (see
    `bijectors.Sylvester` for the cost): use it where only drawing is needed.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        ridges: Number M of ridges, at most d; None for d.
        reflections: Number of reflections that make $Q$; None for M. 0 leaves the axes as they are:
            the triangular Sylvester flow, which wants a `Permutation` between two of them.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors, or a number is not a whole one in its range.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import SylvesterFlow
        >>> SylvesterFlow((4,), ridges=2).given().forward(np.zeros((5, 4), "float32")).shape
        (5, 4)
    """

    maps_vectors_alone = True

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        ridges: int | None = None,
        reflections: int | None = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        size = self.event_shape[0]
        self.ridges = whole_number("SylvesterFlow", "ridges", size if ridges is None else ridges)
        if self.ridges > size:
            raise ValueError(
                f"SylvesterFlow: ridges must be at most the size of a value, {size}, got {ridges}."
            )
        reflections = self.ridges if reflections is None else reflections
        self.reflections = whole_number("SylvesterFlow", "reflections", reflections, 0)

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        size, m = self.event_shape[0], self.ridges
        normal = keras.initializers.RandomNormal
        shapes = {
            "r": ((m, m), normal(stddev=0.1)),
            "r_tilde": ((m, m), normal(stddev=0.1)),
            "b": ((m,), normal(stddev=0.1)),
        }
        if self.reflections:
            shapes["axes"] = ((self.reflections, size), normal(stddev=1.0))
        return shapes

    def forward_bijector(self, r: Any, r_tilde: Any, b: Any, axes: Any = None) -> Bijector:
        size, m = self.event_shape[0], self.ridges
        q = ops.eye(size, m, dtype=r.dtype)
        for i in range(self.reflections):
            axis = axes[..., i, :, None]
            length = ops.sum(ops.square(axis), axis=-2, keepdims=True) + 1e-12
            q = q - 2.0 * axis * ops.sum(axis * q, axis=-2, keepdims=True) / length
        return Sylvester(q, _bounded(r), _bounded(r_tilde), b, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ridges": self.ridges, "reflections": self.reflections}


def _bounded(raw):
    """Upper triangular, with a diagonal between -0.999 and 0.999."""
    on_diagonal = ops.eye(raw.shape[-1], dtype=raw.dtype)
    return ops.triu(raw, 1) + 0.999 * ops.tanh(raw) * on_diagonal
