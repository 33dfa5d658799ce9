"""Autoregressive layers: MAF and IAF."""

import abc
import math
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Autoregressive, Bijector, Inverse
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.flows.coupling import with_parts
from kelbo.layers.flows.leading_axes import on_rows
from kelbo.layers.flows.made import MADE
from kelbo.layers.flows.transforms import AffineTransform, ElementwiseTransform
from kelbo.layers.precision import to_full_precision
from kelbo.registration import registered


class AutoregressiveFlow(ConditionalBijector):
    """What both autoregressive layers share: a `MADE` network and a family of maps of numbers.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        hidden: Units of each hidden layer of the network.
        activation: Of the hidden layers.
        transform: The family of maps of numbers; `AffineTransform()` by default.
        blocks: Sizes of the blocks in order, or their number; None makes each entry a block.
        invert: Whether the layer is the inverse of the map that its class describes.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors, a number of units is not one, or the blocks do not
            make up the vector.
    """

    maps_vectors_alone = True

    def __init__(
        self,
        event_shape: int | Sequence[int],
        hidden: Sequence[int] = (64, 64),
        activation: Any = "relu",
        transform: ElementwiseTransform | None = None,
        blocks: int | Sequence[int] | None = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        self.transform = AffineTransform() if transform is None else transform
        self.made = MADE(
            self.event_shape[0],
            self.transform.size,
            hidden,
            activation,
            blocks,
            name="made",
            dtype=self.dtype_policy,
        )

    @abc.abstractmethod
    def forward_bijector(self, context: Any = None) -> Bijector:
        """The map that the class describes."""

    def parameter_shapes(self) -> dict[str, tuple]:
        return {} if self.context_shape is None else {"context": self.context_shape}

    def build_on(self, context_shape: tuple | None) -> None:
        context = None if context_shape is None else (None, math.prod(context_shape))
        self.made.build((None, *self.event_shape), context)

    def parameters_of(self, context: Any) -> dict[str, Any]:
        return {} if context is None else {"context": to_full_precision(context)}

    def _autoregressive(self, context: Any) -> Bijector:
        rank = len(self.context_shape or ())
        return Autoregressive(
            self._maps_of, blocks=self.made.blocks, context=context, context_rank=rank
        )

    def _maps_of(self, value, context=None):
        """The maps of all entries, by those before them."""
        rank = len(self.context_shape or ())
        raw = to_full_precision(on_rows(self._raw, value, 1, context, rank))
        return self.transform.bijector(raw)

    def _raw(self, value, context):
        if context is None:
            return self.made(value)
        if len(context.shape) > 2:
            context = ops.reshape(context, (-1, math.prod(self.context_shape)))
        return self.made(value, context=context)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden": self.made.hidden,
            "activation": keras.activations.serialize(self.made.activation),
            "transform": keras.saving.serialize_keras_object(self.transform),
            "blocks": self.made.blocks,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AutoregressiveFlow":
        """The layer that `get_config` described."""
        return cls(**with_parts(config))


@registered
class MaskedAutoregressive(AutoregressiveFlow):
    r"""The masked autoregressive flow: $x_i = f_{\theta_i(y_1, \dots, y_{i-1}, c)}(y_i)$.

    The network draws the maps from the values $y$ to the base.

    **Cost.** Scoring data is one pass through the network. Drawing takes D passes, one after
    another in a compiled loop, since each entry needs those before it: D times the time. For fast
    draws see `InverseAutoregressive` (Papamakarios, Pavlakou and Murray, 2017; with a
    `SplineTransform` the autoregressive neural spline flow of Durkan et al., 2019).

    With `blocks`, the entries of a block are found at once, and a pass is one for a block.

    Put a `Permutation` between two of them: all keep the order of the entries.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        hidden: Units of each hidden layer of the network, a `MADE`.
        activation: Of the hidden layers: a name or a function.
        transform: The family of maps of numbers; `AffineTransform()` by default.
        blocks: Sizes of the blocks in order, or a number of blocks of one size, whose entries do
            not depend on each other; None makes each entry a block.
        invert: Whether the layer is the inverse of that map: then drawing is the fast direction.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors, a number of units is not one, or the blocks do not
            make up the vector.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import MaskedAutoregressive
        >>> layer = MaskedAutoregressive((3,), hidden=(16,))
        >>> layer.given().inverse(np.zeros((5, 3), "float32")).shape
        (5, 3)
    """

    def forward_bijector(self, context: Any = None) -> Bijector:
        return Inverse(self._autoregressive(context))


@registered
class InverseAutoregressive(AutoregressiveFlow):
    r"""The inverse autoregressive flow: $y_i = f_{\theta_i(x_1, \dots, x_{i-1}, c)}(x_i)$.

    The network draws the maps from the base to the values $y$.

    **Cost.** Drawing, with the log density of what is drawn, is one pass through the network: all
    that a posterior needs. Scoring values that were not drawn takes D passes, one after another in
    a compiled loop: D times the time. For fast scores see `MaskedAutoregressive` (Kingma, Salimans,
    Jozefowicz, Chen, Sutskever and Welling, 2016).

    With `blocks`, the entries of a block are found at once, and a pass is one for a block.

    Put a `Permutation` between two of them: all keep the order of the entries.

    Args:
        event_shape: Shape (d,) of the values that are mapped.
        hidden: Units of each hidden layer of the network, a `MADE`.
        activation: Of the hidden layers: a name or a function.
        transform: The family of maps of numbers; `AffineTransform()` by default.
        blocks: Sizes of the blocks in order, or a number of blocks of one size, whose entries do
            not depend on each other; None makes each entry a block.
        invert: Whether the layer is the inverse of that map: then scoring is the fast direction.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The values are not vectors, a number of units is not one, or the blocks do not
            make up the vector.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import InverseAutoregressive
        >>> layer = InverseAutoregressive((3,), hidden=(16,))
        >>> layer.given().forward(np.zeros((5, 3), "float32")).shape
        (5, 3)
    """

    def forward_bijector(self, context: Any = None) -> Bijector:
        return self._autoregressive(context)
