"""One vector of a context with parts, for networks that take one tensor."""

import math
from typing import Any

import keras

from kelbo import ops
from kelbo.parts import named_shapes, parts_in_order, size_of_batch, without_batch
from kelbo.registration import registered


@registered
class ConcatenateParts(keras.layers.Layer):
    """Makes one vector of a dict or tuple of tensors: each is flattened, then they are joined.

    The first layer of a plain network that is to take a context with parts, such as the decoder of
    a conditional VAE, which gets `{"z": z, "context": labels}`. Parts are joined in the order of
    their sorted names, or of the tuple, and are cast to the floating-point type that the layer
    computes in. Whole numbers become that number, not an indicator: give classes as indicators, or
    encode them before, by `keras.layers.CategoryEncoding` or an `Embedding`.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: When built, if a size other than the batch is not known.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConcatenateParts
        >>> network = keras.Sequential([ConcatenateParts(), keras.layers.Dense(64, "relu")])
        >>> network({"z": np.ones((5, 2), "float32"), "context": np.eye(10)[:5]}).shape
        (5, 64)
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.autocast = False  # whole numbers are cast here, and so is all else

    def build(self, input_shape: Any) -> None:
        """Checks that the sizes of all parts are known.

        Args:
            input_shape: Shape of a batch of each part.
        """
        for name, shape in named_shapes("context", input_shape):
            if None in shape[1:]:
                raise ValueError(
                    f"ConcatenateParts: {name} has the shape {shape}; only the batch may be "
                    "unknown. Let a network of its own pool over the rest first."
                )
        self.built = True

    def call(self, parts: Any) -> Any:
        """The vectors.

        Args:
            parts: Dict or tuple of tensors of shape (batch, ...), nested or not.

        Returns:
            A tensor of shape (batch, entries of all parts).
        """
        vectors = [
            ops.reshape(ops.cast(part, self.compute_dtype), (-1, math.prod(part.shape[1:])))
            for part in parts_in_order(parts)
        ]
        return ops.concatenate(vectors, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """(batch, entries of all parts)."""
        sizes = [math.prod(shape) for _, shape in named_shapes("", without_batch(input_shape))]
        return (size_of_batch(input_shape), sum(sizes))
