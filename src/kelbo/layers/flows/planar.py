"""The planar flow."""

from typing import Any

import keras

from kelbo.bijectors import Bijector, Planar, invertible_u
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.registration import registered


@registered
class PlanarFlow(ParametricBijector):
    r"""A trainable `bijectors.Planar`, $y = x + \hat u \tanh(w^\top x + b)$.

    $\hat u$ is made of a free vector so that the map stays invertible (Rezende and Mohamed, 2015).
    Use it for variational inference and reverse divergences, where only drawing is needed; its
    inverse is found by bisection of one number (see `bijectors.Planar` for the cost).

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import PlanarFlow
        >>> PlanarFlow((2,)).given().forward(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    maps_vectors_alone = True

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        limit = self.event_shape[0] ** -0.5
        uniform = keras.initializers.RandomUniform
        return {
            "u": (self.event_shape, uniform(-limit, limit)),
            "w": (self.event_shape, uniform(-limit, limit)),
            "b": ((), "zeros"),
        }

    def forward_bijector(self, u: Any, w: Any, b: Any) -> Bijector:
        return Planar(invertible_u(u, w), w, b, validate=False)
