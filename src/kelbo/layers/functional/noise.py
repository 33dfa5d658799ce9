"""Noise and the location-scale step: reparameterisation as nodes of a functional model."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Normal
from kelbo.parameters import broadcast_shapes
from kelbo.registration import registered


@registered
class Noise(keras.layers.Layer):
    """Independent noise of the shape of its input, whose values it does not look at.

    Makes the source of randomness an explicit node of a functional model.

    Args:
        distribution: Distribution of each number; None is the standard normal.
        seed: Integer seed of the layer, or None.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The distribution is not one of single numbers.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import Noise
        >>> Noise(seed=0)(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    def __init__(
        self, distribution: Distribution | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.distribution = Normal(0.0, 1.0) if distribution is None else distribution
        if self.distribution.batch_shape or self.distribution.event_shape:
            raise ValueError(
                f"Noise draws single numbers: it needs a distribution of batch shape () and event "
                f"shape (), got {self.distribution}."
            )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, like: Any) -> Any:
        """Noise.

        Args:
            like: A floating tensor.

        Returns:
            A tensor of the shape and dtype of `like`.
        """
        noise = self.distribution.sample(ops.shape(like), seed=self.seed_generator)
        return ops.cast(noise, like.dtype)

    def compute_output_spec(self, like: Any) -> keras.KerasTensor:
        """Shape and dtype of `like`.

        Args:
            like: A symbolic tensor.

        Returns:
            A symbolic tensor.
        """
        return keras.KerasTensor(like.shape, like.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        distribution = keras.saving.serialize_keras_object(self.distribution)
        return {**super().get_config(), "distribution": distribution, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Noise":
        """The layer that `get_config` described."""
        distribution = keras.saving.deserialize_keras_object(config["distribution"])
        return cls(**{**config, "distribution": distribution})


@registered
class LocationScale(keras.layers.Layer):
    r"""The location-scale step $z = \mu + \sigma \epsilon$ (Kingma and Welling, 2014, sec. 2.4).

    Called with a list [mean $\mu$, scale, noise $\epsilon$].

    Args:
        scale: What the second input is: "log_variance", "log_scale" or "scale" itself.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: An unknown `scale`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import LocationScale
        >>> zero, one = np.zeros((1, 2), "float32"), np.ones((1, 2), "float32")
        >>> LocationScale()([zero, zero, one]).shape
        (1, 2)
    """

    def __init__(self, scale: str = "log_variance", **kwargs: Any):
        super().__init__(**kwargs)
        if scale not in ("log_variance", "log_scale", "scale"):
            raise ValueError(
                f'scale must be "log_variance", "log_scale" or "scale"; got {scale!r}.'
            )
        self.scale = scale

    def call(self, inputs: list[Any]) -> Any:
        """The sample.

        Args:
            inputs: [mean, scale, noise], which broadcast.

        Returns:
            A tensor of their broadcast shape.
        """
        loc, scale, noise = inputs
        if self.scale != "scale":
            scale = ops.exp(0.5 * scale if self.scale == "log_variance" else scale)
        return loc + scale * noise

    def compute_output_shape(self, input_shape: list[Any]) -> tuple:
        """The broadcast shape of the three inputs."""
        return broadcast_shapes(*input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
