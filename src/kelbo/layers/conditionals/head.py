"""The last step of a conditional: features in, one parameter of a distribution out."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.layers.settled import Settled
from kelbo.parameters import as_shape
from kelbo.registration import registered


@registered
class ParameterHead(Settled, keras.layers.Layer):
    """A dense layer that returns a tensor of a given shape, whatever the features' shape.

    Features that already lie on the grid of the parameter, such as the last feature maps of a
    convolutional decoder, go through a dense layer over their channels (a 1 x 1 convolution):
    (batch, 28, 28, channels) to (28, 28) or (28, 28, 3). All others are flattened first.

    Args:
        shape: Shape of the parameter, without the batch.
        activation: Applied to the result: a name, a function or None.
        kernel_initializer: How the weights start, as in `keras.layers.Dense`.
        bias_initializer: How the bias starts.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ParameterHead
        >>> ParameterHead((8, 8))(np.zeros((5, 16), "float32")).shape
        (5, 8, 8)
    """

    def __init__(
        self,
        shape: int | Sequence[int],
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.shape = as_shape(shape)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self._dense = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the dense layer for features of `input_shape`, the batch included."""
        if self.built:
            return
        features = tuple(input_shape[1:])
        on_grid = bool(features) and features[:-1] == self.shape
        on_grid_with_channels = (
            bool(features) and bool(self.shape) and features[:-1] == self.shape[:-1]
        )
        if on_grid:
            units, self._flattens = 1, False
        elif on_grid_with_channels:
            units, self._flattens = self.shape[-1], False
        else:
            units, self._flattens = math.prod(self.shape), True
            if None in features:
                raise ValueError(
                    f"{self.name}: the features have the shape {tuple(input_shape)}; only the "
                    "batch may be unknown. Let the network pool over the other axes, or give it an "
                    "input of fixed size."
                )
            features = (math.prod(features),)
        self._dense = keras.layers.Dense(
            units,
            activation=self.activation,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            dtype=self.dtype_policy,
            name="dense",
        )
        self._dense.build((None, *features))
        self.built = True

    @property
    def bias(self) -> keras.Variable:
        """The bias of the layer, flat; of a head that is built. Assign to it to start elsewhere."""
        return self._dense.bias

    def call(self, features: Any) -> Any:
        """The parameter, of shape (batch, *shape)."""
        if self._flattens and len(features.shape) != 2:
            features = ops.reshape(features, (-1, math.prod(features.shape[1:])))
        outputs = self._dense(features)
        if tuple(outputs.shape[1:]) == self.shape:
            return outputs
        return ops.reshape(outputs, (-1, *self.shape))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple:
        """(batch, *shape)."""
        return (input_shape[0], *self.shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shape": self.shape,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
