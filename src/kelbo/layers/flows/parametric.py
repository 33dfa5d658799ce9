"""The base of flow layers whose parameters are tensors, not functions of the value."""

import abc
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.flows.conditional_bijector import ConditionalBijector
from kelbo.layers.precision import to_full_precision


class ParametricBijector(ConditionalBijector):
    """A bijector whose parameters are variables, or the outputs of heads on a context.

    Without a context each raw parameter is one trainable variable. With a context it is the output
    of a dense head, whose bias starts as that variable would and whose weights start small: the
    layer starts as the same map for every context. Put a network before it (`Flow(network=...)`) to
    make it depend on the context by more than a linear function.

    A subclass writes `raw_parameters` and `forward_bijector`, which gets the raw parameters.

    Args:
        event_shape: Shape of the values that are mapped.
        invert: Whether the layer is the inverse of the map that its class describes.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, event_shape: int | Sequence[int], invert: bool = False, **kwargs: Any):
        super().__init__(event_shape, invert, **kwargs)
        self._raw = {}

    @abc.abstractmethod
    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        """Name -> (shape, initializer) of each raw parameter."""

    def parameter_shapes(self) -> dict[str, tuple]:
        return {name: shape for name, (shape, _) in self.raw_parameters().items()}

    def build_on(self, context_shape: tuple | None) -> None:
        raw = {}
        for name, (shape, initializer) in self.raw_parameters().items():
            if context_shape is None:
                raw[name] = self.add_weight(shape=shape, initializer=initializer, name=name)
                continue
            raw[name] = ParameterHead(
                shape,
                kernel_initializer=small_weights(),
                bias_initializer=initializer,
                name=name,
                dtype=self.dtype_policy,
            )
            raw[name].build((None, *context_shape))
        self._raw = raw

    def parameters_of(self, context: Any) -> dict[str, Any]:
        if context is None:
            return {
                name: to_full_precision(ops.convert_to_tensor(variable))
                for name, variable in self._raw.items()
            }
        return {name: to_full_precision(head(context)) for name, head in self._raw.items()}


def small_weights() -> keras.initializers.Initializer:
    """How the weights of a last layer start, so that a flow starts near the identity.

    Returns:
        An initializer.

    Example:
        >>> from kelbo.layers.flows.parametric import small_weights
        >>> bool(abs(small_weights()((100, 10))).max() < 0.1)
        True
    """
    return keras.initializers.VarianceScaling(1e-2, "fan_in", "truncated_normal")
