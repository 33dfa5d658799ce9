"""Binary data drawn anew from grey values whenever they are seen."""

from typing import Any

import keras

from kelbo import ops
from kelbo.registration import registered


@registered
class StochasticBinarization(keras.layers.Layer):
    r"""Draws $b \sim \mathrm{Bernoulli}(x)$ for each entry of $x \in [0, 1]$, at every call.

    As a model's `preprocessing`, it binarises the data afresh in each epoch inside the compiled
    training step, the protocol of Salakhutdinov and Murray (2008) and Burda et al. (2016).

    Args:
        seed: Integer seed of the layer, or None.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import StochasticBinarization
        >>> StochasticBinarization(seed=0)(np.full((2, 3), 0.5, "float32")).shape
        (2, 3)
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        # Half precision would round small probabilities to 0 or twice themselves.
        self.autocast = False
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, seed: Any = None) -> Any:
        """Zeros and ones.

        Args:
            x: Probabilities of a 1, floating.
            seed: An integer or a `keras.random.SeedGenerator` in place of the layer's own.

        Returns:
            A tensor of the shape and dtype of `x`.
        """
        seed = self.seed_generator if seed is None else seed
        uniform = keras.random.uniform(ops.shape(x), dtype="float32", seed=seed)
        return ops.cast(uniform < ops.cast(x, "float32"), x.dtype)

    def compute_output_spec(self, x: Any, seed: Any = None) -> keras.KerasTensor:
        """Shape and dtype of the input.

        Args:
            x: A symbolic tensor.
            seed: Not looked at.

        Returns:
            A symbolic tensor.
        """
        return keras.KerasTensor(x.shape, x.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
