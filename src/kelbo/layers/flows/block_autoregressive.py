"""The block neural autoregressive flow."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.bijectors import Bijector, BlockAutoregressive
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.flows.parametric import small_weights
from kelbo.layers.precision import to_full_precision
from kelbo.parameters import whole_number
from kelbo.registration import registered


@registered
class BlockAutoregressiveFlow(ConditionalBijector):
    r"""A trainable `bijectors.BlockAutoregressive`: one network that is the map itself.

    The weights of each unit are normalised to length 1 and scaled (De Cao, Aziz and Titov, 2019,
    section 3.2); a context enters the biases of all layers.

    **Cost.** The forward direction is one pass; the inverse bisects entry by entry, about 21 d
    passes in float32. Density estimation wants `invert=True`: then scoring data is one pass, and
    drawing is the slow direction.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        hidden: Units per entry of each hidden layer, at least one layer.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors, or a number of units is not one.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import BlockAutoregressiveFlow
        >>> layer = BlockAutoregressiveFlow((2,), hidden=(8,))
        >>> layer.given().forward(np.zeros((5, 2), "float32")).shape
        (5, 2)
    """

    maps_vectors_alone = True

    def __init__(
        self,
        event_shape: int | Sequence[int],
        hidden: Sequence[int] = (16, 16),
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        self.hidden = tuple(
            whole_number("BlockAutoregressiveFlow", "each number of units in hidden", units)
            for units in hidden
        )
        if not self.hidden:
            raise ValueError(
                "BlockAutoregressiveFlow: hidden is empty; give the units of at least one layer."
            )
        self._raw, self._heads = [], []

    def _units(self):
        return (1, *self.hidden, 1)

    def parameter_shapes(self) -> dict[str, tuple]:
        if self.context_shape is None:
            return {}
        size = self.event_shape[0]
        return {f"bias_{i}": (size * units,) for i, units in enumerate(self._units()[1:])}

    def build_on(self, context_shape: tuple | None) -> None:
        size, units = self.event_shape[0], self._units()
        weights, heads = [], []
        for i, (before, after) in enumerate(itertools.pairwise(units)):
            shape = (size * before, size * after)
            weights.append(
                {
                    "kernel": self.add_weight(shape=shape, name=f"kernel_{i}"),
                    # Blocks of equal weights would make all units of a block one.
                    "diagonal": self.add_weight(
                        shape=(size, before, after),
                        initializer=keras.initializers.RandomNormal(stddev=1.0),
                        name=f"diagonal_{i}",
                    ),
                    "log_scale": self.add_weight(
                        shape=(size, after), initializer="zeros", name=f"log_scale_{i}"
                    ),
                    "bias": self.add_weight(
                        shape=shape[1:],
                        initializer=keras.initializers.RandomNormal(stddev=0.5),
                        name=f"bias_{i}",
                    ),
                }
            )
            if context_shape is not None:
                head = ParameterHead(
                    shape[1:],
                    kernel_initializer=small_weights(),
                    name=f"head_{i}",
                    dtype=self.dtype_policy,
                )
                head.build((None, *context_shape))
                heads.append(head)
        self._gate = self.add_weight(shape=(size,), initializer="zeros", name="gate")
        self._raw, self._heads = weights, heads

    def parameters_of(self, context: Any) -> dict[str, Any]:
        if context is None:
            return {}
        return {f"bias_{i}": to_full_precision(h(context)) for i, h in enumerate(self._heads)}

    def forward_bijector(self, **biases: Any) -> Bijector:
        size = self.event_shape[0]
        kernels, log_diagonals, all_biases = [], [], []
        earlier = np.triu(np.ones((size, size), "float32"), 1)[:, None, :, None]
        for i, weights in enumerate(self._raw):
            raw = {name: to_full_precision(ops.convert_to_tensor(w)) for name, w in weights.items()}
            before, after = raw["diagonal"].shape[1:]
            kernel = ops.reshape(raw["kernel"], (size, before, size, after))
            kernel = kernel * ops.convert_to_tensor(earlier, dtype=kernel.dtype)
            squares = ops.sum(ops.square(kernel), axis=(0, 1))
            squares = squares + ops.sum(ops.exp(2.0 * raw["diagonal"]), axis=1)
            log_factor = raw["log_scale"] - 0.5 * ops.log(squares)
            kernels.append(ops.reshape(kernel * ops.exp(log_factor), (size * before, size * after)))
            log_diagonals.append(raw["diagonal"] + log_factor[:, None, :])
            all_biases.append(raw["bias"] + biases.get(f"bias_{i}", 0.0))
        gate = to_full_precision(ops.convert_to_tensor(self._gate))
        return BlockAutoregressive(kernels, log_diagonals, all_biases, gate, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": self.hidden}
