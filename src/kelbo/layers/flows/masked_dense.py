"""A dense layer whose outputs see some of its inputs only."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.parameters import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedDense(keras.layers.Layer):
    r"""A dense layer between units that have degrees: an output sees the inputs of lower ones.

    $$y = \phi(x\,(W \odot M) + b), \qquad
      M_{ij} = [\text{degree}(x_i) \le \text{degree}(y_j)]$$

    and with `strict`, less than in place of at most (Germain, Gregor, Murray and Larochelle, 2015,
    eq. 12 and 13).

    Args:
        input_degrees: A whole number for each input.
        output_degrees: A whole number for each output.
        strict: Whether an output sees the inputs of lower degree only, not those of its own.
        activation: The function $\phi$: a name, a function or None.
        kernel_initializer: How the weights start.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import MaskedDense
        >>> layer = MaskedDense([1, 2], [1, 2], strict=True)
        >>> layer(np.ones((5, 2), "float32")).shape
        (5, 2)
        >>> int(layer.mask.sum())
        1
    """

    def __init__(
        self,
        input_degrees: Sequence[int],
        output_degrees: Sequence[int],
        strict: bool = False,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.input_degrees = tuple(int(degree) for degree in input_degrees)
        self.output_degrees = tuple(int(degree) for degree in output_degrees)
        self.strict = bool(strict)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def mask(self) -> np.ndarray:
        """A boolean for each input (rows) and output (columns): whether the output sees it."""
        before = np.array(self.input_degrees)[:, None]
        after = np.array(self.output_degrees)[None, :]
        return before < after if self.strict else before <= after

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates kernel and bias for inputs of `input_shape`, the batch included."""
        if self.built:
            return
        if input_shape[-1] != len(self.input_degrees):
            raise ValueError(
                f"MaskedDense has degrees for {len(self.input_degrees)} inputs, but its inputs "
                f"have the shape {tuple(input_shape)}."
            )
        shape = (len(self.input_degrees), len(self.output_degrees))
        self.kernel = self.add_weight(
            shape=shape, initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")
        self._mask = self.mask.astype("float32")
        self.built = True

    def call(self, inputs: Any, shift: Any = None) -> Any:
        """The outputs.

        Args:
            inputs: Tensor of shape (batch, inputs).
            shift: Added before the activation: tensor of shape (batch, outputs), or None.

        Returns:
            Tensor of shape (batch, outputs).
        """
        kernel = self.kernel * ops.convert_to_tensor(self._mask, dtype=self.kernel.dtype)
        outputs = ops.matmul(inputs, ops.cast(kernel, inputs.dtype))
        outputs = outputs + ops.cast(self.bias, inputs.dtype)
        if shift is not None:
            outputs = outputs + shift
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Sequence[int | None], *_: Any) -> tuple:
        """(batch, outputs)."""
        return (*input_shape[:-1], len(self.output_degrees))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_degrees": self.input_degrees,
            "output_degrees": self.output_degrees,
            "strict": self.strict,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
