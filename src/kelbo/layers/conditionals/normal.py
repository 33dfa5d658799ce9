"""A normal distribution whose parameters are outputs of a network."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import Distribution, Normal
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.scale import floor_of, positive
from kelbo.registration import registered


@registered
class ConditionalNormal(Conditional):
    r"""Independent normals, $\mathcal{N}(y; \mu(c), \sigma(c)^2)$ for each entry of $y$.

    To fit it to pairs, give it to `models.ConditionalDensity`; Keras' losses know nothing of
    distributions (see `Conditional`).

    Args:
        event_shape: Shape of the value $y$.
        network: Keras layer from the context $c$ to features, or None.
        scale: How the second head's output $r$ becomes $\sigma$: "softplus",
            $m + \log(1 + e^r)$; "log_variance", $m + e^{r/2}$; or "log_scale", $m + e^r$.
        minimum_scale: The floor $m$ of $\sigma$. None: 1e-3 for softplus, 0 for the others.
        loc_activation: Applied to $\mu$: "sigmoid" for pixels in [0, 1], say.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: An unknown `scale`, or a negative floor.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalNormal
        >>> posterior = ConditionalNormal((2,), keras.layers.Dense(16, "relu"))
        >>> posterior.given(np.zeros((5, 64), "float32")).batch_shape
        (5,)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        scale: str = "softplus",
        minimum_scale: float | None = None,
        loc_activation: Any = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        self.scale = scale
        self.minimum_scale = floor_of(scale, minimum_scale)
        self._loc = self._head("loc", activation=loc_activation)
        self._scale = self._head("scale")

    @property
    def heads(self) -> dict[str, ParameterHead]:
        return {"loc": self._loc, "scale": self._scale}

    def parameters_from(self, loc: Any, scale: Any) -> dict[str, Any]:
        return {"loc": loc, "scale": positive(scale, self.scale, self.minimum_scale)}

    def distribution(self, loc: Any, scale: Any) -> Distribution:
        return self._independent(Normal(loc, scale, validate=False))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "minimum_scale": self.minimum_scale,
            "loc_activation": keras.activations.serialize(self._loc.activation),
        }
