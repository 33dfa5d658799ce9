"""Conditionals: layers that turn a context into a distribution."""

import abc
import math
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Independent
from kelbo.distributions.shapes import as_shape
from kelbo.layers.head import ParameterHead


class Conditional(keras.layers.Layer, abc.ABC):
    r"""A conditional distribution $p(y \mid \text{context})$.

    Calling the layer returns the parameters as a dict of tensors, so that it works in functional
    models, `summary` and export. `given(context)` returns the `Distribution`:
    `likelihood.given(z).log_prob(x)` reads as the mathematics does.

    A subclass makes its `ParameterHead` layers in its constructor and lists them in `heads`,
    writes `parameters_from`, which turns their outputs into parameters that obey the family's
    rules, and `distribution`, which makes the distribution from the parameters.

    Args:
        event_shape: Shape of the value $y$: an image stays an image.
        network: A Keras layer or model from the context to features, or None to use the context
            itself. The heads are added to it: nobody counts outputs.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.event_shape = as_shape(event_shape)
        self.network = network
        self._context_rank = None

    @property
    @abc.abstractmethod
    def heads(self) -> dict[str, ParameterHead]:
        """The layers that map features to raw parameters, by name."""

    @abc.abstractmethod
    def parameters_from(self, **raw: Any) -> dict[str, Any]:
        """The family's parameters, from what the heads returned."""

    @abc.abstractmethod
    def distribution(self, **parameters: Any) -> Distribution:
        """The distribution with these parameters, which have a batch in front."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the network, then the heads on its features."""
        input_shape = tuple(input_shape)
        self._context_rank = len(input_shape) - 1
        features = input_shape
        if self.network is not None:
            if not self.network.built:
                self.network.build(input_shape)
            features = self.network.compute_output_shape(input_shape)
        for head in self.heads.values():
            head.build(features)
        self.built = True

    def call(self, context: Any) -> dict[str, Any]:
        """Parameters by name, each of shape (batch, ...)."""
        features = context if self.network is None else self.network(context)
        return self.parameters_from(**{n: head(features) for n, head in self.heads.items()})

    def given(self, context: Any) -> Distribution:
        """The distribution of the value, given the context.

        Args:
            context: Tensor of shape (..., *context shape). All leading axes are folded into one
                batch before the network runs, and unfolded after.

        Returns:
            A distribution whose batch shape is the leading axes, in float32 or float64 even
            where the layer computes in half precision.

        Raises:
            TypeError: `context` is a symbolic tensor.
        """
        if isinstance(context, keras.KerasTensor):
            raise TypeError(
                f"{type(self).__name__}.given was called with a symbolic KerasTensor. Inside a "
                "functional model, call the layer itself, which returns the parameters as "
                "tensors; given() belongs into the call() of a layer or model, or a loss."
            )
        rank = self._context_rank or len(context.shape) - 1
        leading, event = context.shape[:-rank], context.shape[-rank:]
        if len(leading) == 1:
            parameters = self(context)
        else:
            leading = ops.shape(context)[:-rank]
            parameters = self(ops.reshape(context, (-1, *event)))
            parameters = {
                name: ops.reshape(value, (*leading, *value.shape[1:]))
                for name, value in parameters.items()
            }
        return self.distribution(**{n: _full_precision(p) for n, p in parameters.items()})

    def get_config(self) -> dict[str, Any]:
        network = self.network and keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "event_shape": self.event_shape, "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Conditional":
        """The layer that `get_config` described, its network included."""
        config = dict(config)
        if config["network"] is not None:
            config["network"] = keras.saving.deserialize_keras_object(config["network"])
        return cls(**config)

    def _independent(self, distribution):
        return Independent(distribution, len(self.event_shape))

    @property
    def event_size(self) -> int:
        """How many numbers make up one value."""
        return math.prod(self.event_shape)


def _full_precision(x):
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.cast(x, "float32") if dtype in ("float16", "bfloat16") else x
