"""A von Mises-Fisher distribution whose parameters are outputs of a network."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, VonMisesFisher
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.scale import positive
from kelbo.registration import registered

# Shorter than this a vector has no direction that could be computed.
_SHORTEST = 1e-12


@registered
class ConditionalVonMisesFisher(Conditional):
    r"""Directions, $\mathrm{vMF}(y; \mu(c), \kappa(c))$ on the unit sphere in d dimensions.

    The first head returns a vector, which is divided by its length to $\mu$; the second a number,
    which $m + \mathrm{softplus}(r)$ makes to $\kappa$. The posterior of a hyperspherical VAE, whose
    prior is `distributions.SphericalUniform(d)` (Davidson, Falorsi, De Cao, Kipf and Tomczak, 2018,
    "Hyperspherical variational auto-encoders").

    Args:
        event_shape: Shape (d,) of the direction $y$, d at least 2.
        network: Keras layer from the context $c$ to features, or None.
        minimum_concentration: The floor $m$ of $\kappa$. The published model has 1.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The event is not a vector of at least 2 entries, or the floor is negative.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalVonMisesFisher
        >>> posterior = ConditionalVonMisesFisher((3,), keras.layers.Dense(16, "relu"))
        >>> posterior.given(np.ones((5, 64), "float32")).sample(seed=0).shape
        (5, 3)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        minimum_concentration: float = 1e-3,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        if len(self.event_shape) != 1 or self.event_shape[0] < 2:
            raise ValueError(
                "ConditionalVonMisesFisher is a distribution of directions: event_shape must be "
                f"(d,) with d of at least 2, got {self.event_shape}."
            )
        if not 0 <= minimum_concentration < float("inf"):
            raise ValueError(
                "ConditionalVonMisesFisher: minimum_concentration must be a finite number of at "
                f"least 0, got {minimum_concentration!r}."
            )
        self.minimum_concentration = float(minimum_concentration)
        self._direction = self._head("mean_direction")
        self._concentration = self._head("concentration", ())

    @property
    def heads(self) -> dict[str, ParameterHead]:
        return {"mean_direction": self._direction, "concentration": self._concentration}

    def parameters_from(self, mean_direction: Any, concentration: Any) -> dict[str, Any]:
        squared = ops.sum(ops.square(mean_direction), axis=-1, keepdims=True)
        has_none = squared < _SHORTEST**2
        # What has no direction gets one, through which no gradient flows.
        even = ops.ones_like(mean_direction)
        vector = ops.where(has_none, even, mean_direction)
        squared = ops.where(has_none, ops.sum(even, axis=-1, keepdims=True), squared)
        return {
            "mean_direction": vector / ops.sqrt(squared),
            "concentration": positive(concentration, "softplus", self.minimum_concentration),
        }

    def distribution(self, mean_direction: Any, concentration: Any) -> Distribution:
        return VonMisesFisher(mean_direction, concentration, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minimum_concentration": self.minimum_concentration}
