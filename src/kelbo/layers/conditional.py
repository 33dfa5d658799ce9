"""Conditionals: layers that turn a context into a distribution."""

import abc
from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Independent
from kelbo.layers.folding import parameters_given
from kelbo.layers.head import ParameterHead
from kelbo.layers.precision import full_precision, to_full_precision
from kelbo.parameters import as_shape, whole_number


class Conditional(keras.layers.Layer, abc.ABC):
    r"""A conditional distribution $p(y \mid \text{context})$.

    Calling the layer returns the parameters as a dict of tensors, so that it works in functional
    models, `summary` and export. `given(context)` returns the `Distribution`:
    `likelihood.given(z).log_prob(x)` reads as the mathematics does.

    A family makes its `ParameterHead` layers in its constructor and lists them in `heads`,
    writes `parameters_from`, which turns their outputs into parameters that obey the family's
    rules, and `distribution`, which makes the distribution from the parameters. A conditional whose
    parameters do not come from heads (`Flow`) writes `build_on` and `parameters_of` in their place.

    Args:
        event_shape: Shape of the value $y$: an image stays an image.
        network: A Keras layer or model from the context to features, or None to use the context
            itself. The heads are added to it: nobody counts outputs.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: A size in `event_shape` is not a whole number of at least 1.
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.event_shape = tuple(
            whole_number(type(self).__name__, "each size in event_shape", size)
            for size in as_shape(event_shape)
        )
        self.network = network
        self._context_rank = None

    @property
    def heads(self) -> dict[str, ParameterHead]:
        """The layers that map features to raw parameters, by name."""
        return {}

    def parameters_from(self, **raw: Any) -> dict[str, Any]:
        """The family's parameters, from what the heads returned; those themselves by default."""
        return raw

    @abc.abstractmethod
    def distribution(self, **parameters: Any) -> Distribution:
        """The distribution with these parameters, which have a batch in front."""

    def template(self) -> Distribution:
        """A distribution of the family, at parameters without meaning: it tells what it can do.

        Returns:
            A distribution of batch shape (1,), for which nothing needs to be built.
        """
        zeros = {name: ops.zeros((1, *head.shape)) for name, head in self.heads.items()}
        return self.distribution(**self.parameters_from(**zeros))

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the network, then the heads on its features; once.

        Args:
            input_shape: Shape of a batch of contexts.

        Raises:
            ValueError: The network returns more than one tensor.
        """
        if self.built:
            return
        input_shape = tuple(input_shape)
        self._context_rank = len(input_shape) - 1
        features = input_shape
        if self.network is not None:
            if not self.network.built:
                self.network.build(input_shape)
            features = self.network.compute_output_shape(input_shape)
            if not all(size is None or isinstance(size, int) for size in features):
                raise ValueError(
                    f"{type(self).__name__}: its network must return one tensor of features, "
                    f"but it returns the shapes {features}."
                )
        self.build_on(features)
        self.built = True

    def build_on(self, features: Sequence[int | None]) -> None:
        """Builds what makes parameters of the features: the heads.

        Args:
            features: Shape of a batch of features.
        """
        for head in self.heads.values():
            head.build(features)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        """The parameters of the family, from the features.

        Args:
            features: Tensor of shape (batch, *features' shape).

        Returns:
            A dict of tensors by name, each of shape (batch, ...).
        """
        raw = {name: to_full_precision(head(features)) for name, head in self.heads.items()}
        return self.parameters_from(**raw)

    def call(self, context: Any) -> dict[str, Any]:
        """The parameters of the family, in float32 or float64 also under mixed precision.

        Args:
            context: Tensor of shape (batch, *context shape).

        Returns:
            A dict of tensors by name, each of shape (batch, ...).
        """
        return self.parameters_of(context if self.network is None else self.network(context))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        """Shapes of the parameters by name: those of the heads, unless a subclass says more.

        Args:
            input_shape: Shape of a batch of contexts.

        Returns:
            A dict with the keys of what `call` returns.
        """
        return {name: (input_shape[0], *head.shape) for name, head in self.heads.items()}

    def compute_output_spec(self, context: Any) -> dict[str, keras.KerasTensor]:
        """Shapes and dtypes of what `call` returns, as symbolic tensors.

        Args:
            context: A symbolic tensor of shape (batch, *context shape).

        Returns:
            A dict with the keys of what `call` returns.
        """
        dtype = full_precision(self.compute_dtype)
        shapes = self.compute_output_shape(context.shape)
        return {name: keras.KerasTensor(shape, dtype) for name, shape in shapes.items()}

    def given(self, context: Any) -> Distribution:
        """The distribution of the value, given the context.

        Args:
            context: Tensor of shape (..., *context shape). All leading axes are folded into one
                batch before the network runs, and unfolded after. (A layer that is not built yet
                takes the first axis alone for the batch.)

        Returns:
            A distribution whose batch shape is the leading axes, in float32 or float64 even
            where the layer computes in half precision.

        Raises:
            TypeError: `context` is a symbolic tensor.
        """
        return self.distribution(**parameters_given(self, context, self._context_rank))

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

    def _head(self, name, shape=None, activation=None):
        shape = self.event_shape if shape is None else shape
        return ParameterHead(shape, activation, name=name, dtype=self.dtype_policy)

    def _independent(self, distribution):
        return Independent(distribution, len(self.event_shape))
