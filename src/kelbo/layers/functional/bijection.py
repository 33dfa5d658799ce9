"""A fixed bijector as a layer."""

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
        part: Which of the parts of a dict of tensors is mapped; the others go through. None for
            what is one tensor.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.bijectors import Affine
        >>> from kelbo.layers import Bijection
        >>> layer = Bijection(Affine(shift=10.0, scale=2.0), invert=True)
        >>> float(layer(np.array([14.0], "float32"))[0])
        2.0
    """

    def __init__(
        self,
        bijector: Bijector,
        invert: bool = False,
        part: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # Half precision would round values before they are scaled.
        self.autocast = False
        self.bijector = bijector
        self.invert = bool(invert)
        self.part = part

    def call(self, x: Any) -> Any:
        """The image of the values.

        Args:
            x: Tensor of shape (batch, *shape of a value), or a dict that has one.

        Returns:
            A tensor; of the shape of `x` for a bijector of numbers. Or the dict with it.
        """
        return self._of_part(self._map.forward, x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, *shape of an image)."""
        return self._of_part(self._image_shape, input_shape)

    def compute_output_spec(self, x: Any) -> Any:
        """Shape of what `call` returns, and the dtype of the input."""
        return self._of_part(
            lambda part: keras.KerasTensor(self._image_shape(part.shape), part.dtype), x
        )

    @property
    def _map(self):
        return Inverse(self.bijector) if self.invert else self.bijector

    def _image_shape(self, shape):
        return (shape[0], *self._map.forward_event_shape(tuple(shape[1:])))

    def _of_part(self, function, x):
        return function(x) if self.part is None else {**x, self.part: function(x[self.part])}

    def get_config(self) -> dict[str, Any]:
        bijector = keras.saving.serialize_keras_object(self.bijector)
        part = {} if self.part is None else {"part": self.part}
        return {**super().get_config(), "bijector": bijector, "invert": self.invert, **part}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Bijection":
        """The layer that `get_config` described."""
        bijector = keras.saving.deserialize_keras_object(config["bijector"])
        return cls(**{**config, "bijector": bijector})
