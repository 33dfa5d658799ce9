"""Conditionals: layers that turn a context into a distribution."""

import abc
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, Independent
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.folding import parameters_given
from kelbo.layers.precision import full_precision, to_full_precision
from kelbo.layers.settled import Settled
from kelbo.networks import as_network, build_network, output_shape, require_known_numbers
from kelbo.ops.float64 import float64_kept
from kelbo.parameters import whole_sizes
from kelbo.parts import (
    map_shapes,
    named_shapes,
    require_same_parts,
    shapes_of,
    size_of_batch,
    with_batch,
    without_batch,
)


class Conditional(Settled, keras.layers.Layer, abc.ABC):
    r"""A conditional distribution $p(y \mid \text{context})$.

    Calling the layer returns the parameters as a dict of tensors, so that it works in functional
    models, `summary` and export. It is no prediction: a Keras model that ends in it and is compiled
    with "mse", say, ends in Keras' KeyError ("The path: ('loc',) ..."): fit it by
    `models.ConditionalDensity(conditional)`, or put `losses.NegativeLogLikelihood` over a `Dense`
    layer of a model of your own. `given(context)` returns the `Distribution`:
    `likelihood.given(z).log_prob(x)` reads as the mathematics does.

    A family makes its `ParameterHead` layers in its constructor and lists them in `heads`,
    writes `parameters_from`, which turns their outputs into parameters that obey the family's
    rules, and `distribution`, which makes the distribution from the parameters. A conditional whose
    parameters do not come from heads (`Flow`) writes `build_on` and `parameters_of` in their place.

    A context is a tensor, or has parts: then it is a dict or tuple of tensors, which the network
    takes as they are, as in `likelihood.given({"z": z, "context": label})`. Of a dict, `parents`
    says which parts the conditional depends on, as in a directed graphical model.

    Args:
        event_shape: Shape of the value $y$: an image stays an image.
        network: A Keras layer or model from the context to features, or None to use the context
            itself, which then is one tensor. The heads are added to it: nobody counts outputs.
        parents: The part of a context with parts that it depends on, by name: the network gets that
            tensor; or several names: the network gets a dict of these. None for all there is.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        TypeError: `network` is no Keras layer.
        ValueError: A size in `event_shape` is not a whole number of at least 1.
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        parents: str | Sequence[str] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.event_shape = self._checked_event_shape(event_shape)
        self.network = as_network(type(self).__name__, network)
        self.parents = parents if parents is None or isinstance(parents, str) else tuple(parents)
        self.context_shape = self._features_shape = None

    def _checked_event_shape(self, event_shape):
        return whole_sizes(type(self).__name__, "event_shape", event_shape)

    def of_parents(self, context: Any) -> Any:
        """What the conditional depends on, of a context with parts.

        Args:
            context: A dict of tensors, or of shapes, by part; or what has no parts.

        Returns:
            The part that `parents` names, or a dict of those; all of it where that is None, or
            where it has no parts, as what was chosen before.

        Raises:
            ValueError: There is no such part.
        """
        if self.parents is None or not isinstance(context, Mapping):
            return context
        names = (self.parents,) if isinstance(self.parents, str) else self.parents
        missing = [name for name in names if name not in context]
        if missing:
            raise ValueError(
                f"{type(self).__name__}: it depends on {missing[0]!r}, one of its parents, but the "
                f"parts of the context are {', '.join(context)}."
            )
        if isinstance(self.parents, str):
            return context[self.parents]
        return {name: context[name] for name in names}

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
            input_shape: Shape of a batch of contexts, or of its parts.

        Raises:
            ValueError: The network cannot take such contexts, or does not return one tensor.
        """
        if self.built:
            return
        input_shape = self.of_parents(input_shape)
        features = self.build_features(input_shape)
        self.build_on(features)
        self.context_shape = without_batch(input_shape)
        self._features_shape = without_batch(features)
        self.built = True

    def build_features(self, input_shape: Any) -> Any:
        """Builds the network, and returns the shape of a batch of features.

        Args:
            input_shape: Shape of a batch of contexts, or of its parts.

        Returns:
            A shape; that of the contexts where there is no network.

        Raises:
            ValueError: The network cannot take such contexts, or there is none and they have parts.
        """
        return build_network(type(self).__name__, self.network, input_shape)

    def check_context(self, shape: Sequence[int]) -> None:
        """Whether a layer that is built can take contexts of this shape.

        It takes contexts of other sizes than those it was built for where its network makes
        features of the same shape of them: one that pools over time, or over the pixels.

        Args:
            shape: Shape of one context, or of its parts.

        Raises:
            ValueError: It cannot.
        """
        if not self.built:
            return
        owner, built_for = type(self).__name__, f"it was built for contexts of {self.context_shape}"
        shape = map_shapes(tuple, self.of_parents(shape))
        require_same_parts(owner, "context", shape, self.context_shape)
        if _may_be(shape, self.context_shape):
            return
        has_same_ranks = map_shapes(len, shape) == map_shapes(len, self.context_shape)
        if not has_same_ranks or self.network is None:
            raise ValueError(f"{owner}: a context has the shape {shape}, but {built_for}.")
        try:
            features = output_shape(owner, self.network, with_batch(shape))[1:]
        except ValueError as error:
            raise ValueError(f"{str(error).rstrip('.')}; {built_for}.") from error
        if not _may_be(features, self._features_shape):
            raise ValueError(
                f"{owner}: the network makes features of shape {features} of a context of shape "
                f"{shape}, but {built_for}, where they have the shape {self._features_shape}. One "
                "that pools over what varies, as a recurrent layer does, takes both."
            )

    def check_numbers(self, owner: str, name: str, context: Any) -> None:
        """Whether the tables of the network hold the numbers that are looked up in them.

        Args:
            owner: Whose data they are, for the error.
            name: Name of the context, for the error.
            context: Arrays of contexts; None in the place of a part that is not known.

        Raises:
            ValueError: They do not: see `networks.require_known_numbers`.
        """
        chosen = self.of_parents(context)
        if isinstance(self.parents, str) and chosen is not context:
            name = f'{name}["{self.parents}"]'
        require_known_numbers(owner, name, self.network, chosen)

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
            context: Tensor of shape (batch, *context shape), or a dict or tuple of such.

        Returns:
            A dict of tensors by name, each of shape (batch, ...).
        """
        context = self.of_parents(context)
        with float64_kept() if self.compute_dtype == "float64" else nullcontext():
            return self.parameters_of(context if self.network is None else self.network(context))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        """Shapes of the parameters by name: those of the heads, unless a subclass says more.

        Args:
            input_shape: Shape of a batch of contexts, or of its parts.

        Returns:
            A dict with the keys of what `call` returns.
        """
        batch = size_of_batch(input_shape)
        return {name: (batch, *head.shape) for name, head in self.heads.items()}

    def compute_output_spec(self, context: Any) -> dict[str, keras.KerasTensor]:
        """Shapes and dtypes of what `call` returns, as symbolic tensors.

        Args:
            context: A symbolic tensor of shape (batch, *context shape), or a dict or tuple of such.

        Returns:
            A dict with the keys of what `call` returns.
        """
        dtype = full_precision(self.compute_dtype)
        shapes = self.compute_output_shape(shapes_of(context))
        return {name: keras.KerasTensor(shape, dtype) for name, shape in shapes.items()}

    def given(self, context: Any) -> Distribution:
        """The distribution of the value, given the context.

        Args:
            context: Tensor of shape (..., *context shape). All leading axes are folded into one
                batch before the network runs, and unfolded after. (A layer that is not built yet
                takes the first axis alone for the batch.) A dict or tuple of such for a context
                with parts, whose leading axes are broadcast against each other before: z of shape
                (samples, batch, latent) goes with labels of shape (batch, classes).

        Returns:
            A distribution whose batch shape is the leading axes, in float32 or float64 even
            where the layer computes in half precision.

        Raises:
            TypeError: `context` is a symbolic tensor.
            ValueError: It has other parts than those the layer was built for, or their leading axes
                do not go together.
        """
        context = self.of_parents(context)
        return self.distribution(**parameters_given(self, context, self.context_shape))

    def get_config(self) -> dict[str, Any]:
        network = self.network and keras.saving.serialize_keras_object(self.network)
        parents = {} if self.parents is None else {"parents": self.parents}
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "network": network,
            **parents,
        }

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


def _may_be(shapes, expected):
    return all(
        len(shape) == len(sizes)
        and all(size is None or size == given for given, size in zip(shape, sizes, strict=True))
        for (_, shape), (_, sizes) in zip(
            sorted(named_shapes("", shapes)), sorted(named_shapes("", expected)), strict=True
        )
    )
