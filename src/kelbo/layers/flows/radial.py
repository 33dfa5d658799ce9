"""The radial flow."""

from typing import Any

import keras

from kelbo.bijectors import Bijector, Radial, invertible_beta
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.layers.links import FLOOR, link_onto
from kelbo.parameters import constraints
from kelbo.registration import registered

_WIDTH = link_onto(constraints.positive, FLOOR)


@registered
class RadialFlow(ParametricBijector):
    r"""A trainable `bijectors.Radial`, $y = x + \hat\beta\, (x - x_0) / (\alpha + r)$.

    $\alpha$ is a softplus and $\hat\beta > -\alpha$ is made of a free number, so that the map stays
    invertible (Rezende and Mohamed, 2015). Both directions are closed.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import RadialFlow
        >>> RadialFlow((2,)).given().inverse(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    maps_vectors_alone = True

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        normal = keras.initializers.RandomNormal
        return {
            "center": (self.event_shape, normal(stddev=1.0)),
            "alpha": ((), "zeros"),
            "beta": ((), normal(stddev=0.1)),
        }

    def forward_bijector(self, center: Any, alpha: Any, beta: Any) -> Bijector:
        alpha = _WIDTH.forward(alpha)
        return Radial(center, alpha, invertible_beta(beta, alpha), validate=False)
