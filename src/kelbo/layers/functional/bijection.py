"""A fixed bijector as a layer."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.bijectors import Bijector, Inverse
from kelbo.registration import registered


@registered
class Bijection(keras.layers.Layer):
    """Applies a bijector whose parameters do not train, or its inverse.

    The network of a posterior begins with the inverse of the map whose image the likelihood is a
    distribution of: then the data are scaled inside the model, and both speak of the same scale.

    Args:
        bijector: The map.
        invert: Whether its inverse is applied.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.bijectors import Affine
        >>> from kelbo.layers import Bijection
        >>> layer = Bijection(Affine(shift=10.0, scale=2.0), invert=True)
        >>> float(layer(np.array([14.0], "float32"))[0])
        2.0
    """

    def __init__(self, bijector: Bijector, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        # Half precision would round values before they are scaled.
        self.autocast = False
        self.bijector = bijector
        self.invert = bool(invert)

    def call(self, x: Any) -> Any:
        """The image of the values.

        Args:
            x: Tensor of shape (batch, *shape of a value).

        Returns:
            A tensor; of the shape of `x` for a bijector of numbers.
        """
        return (Inverse(self.bijector) if self.invert else self.bijector).forward(x)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple:
        """(batch, *shape of an image)."""
        bijector = Inverse(self.bijector) if self.invert else self.bijector
        return (input_shape[0], *bijector.forward_event_shape(tuple(input_shape[1:])))

    def compute_output_spec(self, x: Any) -> keras.KerasTensor:
        """Shape of what `call` returns, and the dtype of the input."""
        return keras.KerasTensor(self.compute_output_shape(x.shape), x.dtype)

    def get_config(self) -> dict[str, Any]:
        bijector = keras.saving.serialize_keras_object(self.bijector)
        return {**super().get_config(), "bijector": bijector, "invert": self.invert}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Bijection":
        """The layer that `get_config` described."""
        bijector = keras.saving.deserialize_keras_object(config["bijector"])
        return cls(**{**config, "bijector": bijector})
