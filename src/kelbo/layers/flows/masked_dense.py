"""A dense layer whose outputs see some of its inputs only."""

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.layers.settled import Settled
from kelbo.registration import registered


@registered
class MaskedDense(Settled, keras.layers.Layer):
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
        initial_scale: Weights and biases start uniform within `initial_scale / sqrt(k)`, for an
            output that sees k inputs. Biases start apart from 0, because the units that see one
            entry alone would otherwise all bend at 0.
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
        initial_scale: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.input_degrees = tuple(int(degree) for degree in input_degrees)
        self.output_degrees = tuple(int(degree) for degree in output_degrees)
        self.strict = bool(strict)
        self.activation = keras.activations.get(activation)
        self.initial_scale = float(initial_scale)

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
        self.kernel = self.add_weight(shape=shape, initializer=self._start(), name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer=self._start(), name="bias")
        self._mask = self.mask.astype("float32")
        self.built = True

    def _start(self):
        limit = self.initial_scale / np.sqrt(np.maximum(self.mask.sum(axis=0), 1))
        # Keras may call an initializer while it traces: the seed is a number that is drawn now.
        seed = random.randrange(2**31)

        def initializer(shape, dtype=None):
            draws = keras.random.uniform(shape, -1.0, 1.0, dtype=dtype, seed=seed)
            return draws * ops.cast(limit, dtype)

        return initializer

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
            "initial_scale": self.initial_scale,
        }
