"""MADE: a network each of whose outputs sees the entries before its own."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.layers.flows.masked_dense import MaskedDense
from kelbo.layers.settled import Settled
from kelbo.parameters import block_sizes, whole_number
from kelbo.registration import registered


@registered
class MADE(Settled, keras.layers.Layer):
    r"""A dense network from D entries to `outputs` numbers for each, in autoregressive order.

    The numbers for entry i depend on the entries before i alone: on none for the first (Germain,
    Gregor, Murray and Larochelle, 2015); with `blocks`, on the entries of earlier blocks. The
    degrees of the hidden units are spread evenly. A context, where there is one, enters every unit
    of the first hidden layer, and there are hidden units that see nothing else: so it reaches the
    numbers of every entry, the first included, through the whole depth of the network.

    Args:
        size: Number D of entries.
        outputs: Numbers for each entry.
        hidden: Units of each hidden layer.
        activation: Of the hidden layers: a name or a function.
        blocks: Sizes of the blocks in order, or a number of blocks of one size; None makes each
            entry a block.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: A number is not a whole one of at least 1, there is no hidden layer, or the
            sizes of the blocks do not sum to D.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import MADE
        >>> MADE(3, outputs=2)(np.zeros((5, 3), "float32")).shape
        (5, 3, 2)
    """

    def __init__(
        self,
        size: int,
        outputs: int,
        hidden: Sequence[int] = (64, 64),
        activation: Any = "relu",
        blocks: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = whole_number("MADE", "size", size)
        self.blocks = block_sizes("MADE", blocks, self.size)
        self.outputs = whole_number("MADE", "outputs", outputs)
        self.hidden = tuple(
            whole_number("MADE", "each number of units in hidden", units) for units in hidden
        )
        if not self.hidden:
            raise ValueError("MADE: hidden is empty; give the units of at least one layer.")
        self.activation = keras.activations.get(activation)
        self._masked, self._of_context = [], None

    def build(
        self, x_shape: Sequence[int | None], context_shape: Sequence[int | None] | None = None
    ) -> None:
        """Builds the layers.

        Args:
            x_shape: Shape (batch, D).
            context_shape: Shape (batch, entries of a context); None where there is no context.
        """
        if self.built:
            return
        # Units of degree 0 see the context alone: without one they would be constants.
        count = len(self.blocks)
        least = 0 if context_shape is not None or count == 1 else 1
        of_entries = np.repeat(np.arange(1, count + 1), self.blocks)
        degrees = of_entries.tolist()
        masked = []
        for units in self.hidden:
            hidden = np.linspace(least, count - 1, units).round().astype(int).tolist()
            masked.append(
                MaskedDense(degrees, hidden, activation=self.activation, dtype=self.dtype_policy)
            )
            degrees = hidden
        of_outputs = np.repeat(of_entries, self.outputs).tolist()
        masked.append(
            MaskedDense(
                degrees,
                of_outputs,
                strict=True,
                initial_scale=0.1,  # a flow starts near the identity
                dtype=self.dtype_policy,
            )
        )
        for layer in masked:
            layer.build((None, len(layer.input_degrees)))
        self._masked = masked
        if context_shape is not None:
            self._of_context = keras.layers.Dense(
                self.hidden[0], use_bias=False, dtype=self.dtype_policy, name="context"
            )
            self._of_context.build(tuple(context_shape))
        self.built = True

    def call(self, x: Any, context: Any = None) -> Any:
        """The numbers for each entry.

        Args:
            x: Tensor of shape (batch, D).
            context: Tensor of shape (batch, entries of a context), or None.

        Returns:
            Tensor of shape (batch, D, outputs).
        """
        shift = None if context is None else self._of_context(context)
        x = self._masked[0](x, shift=shift)
        for layer in self._masked[1:]:
            x = layer(x)
        return ops.reshape(x, (-1, self.size, self.outputs))

    def compute_output_shape(
        self, x_shape: Sequence[int | None], context_shape: Sequence[int | None] | None = None
    ) -> tuple:
        """(batch, D, outputs)."""
        return (x_shape[0], self.size, self.outputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "outputs": self.outputs,
            "hidden": self.hidden,
            "activation": keras.activations.serialize(self.activation),
            "blocks": self.blocks,
        }
