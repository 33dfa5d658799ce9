"""The base of flow layers: bijectors with variables, and with a context where one is given."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from kelbo.bijectors import Bijector, Inverse
from kelbo.layers.flows.use import parameters_of_use
from kelbo.layers.precision import full_precision
from kelbo.layers.settled import Settled
from kelbo.parameters import whole_sizes
from kelbo.parts import is_shape, named_shapes, shapes_of


class ConditionalBijector(Settled, keras.layers.Layer, abc.ABC):
    r"""A Keras layer that owns the variables and networks of a bijector.

    `given(context)` returns the bijector for a context, `given()` the one without: whichever comes
    first decides what is built. In functional models, call the layer: it returns the tensors that
    `bijector` makes a bijector of.

    A subclass writes `build_on`, `parameters_of` and `forward_bijector`.

    Args:
        event_shape: Shape of the values that are mapped.
        invert: Whether the layer is the inverse of the map that its class describes. Turn a map the
            way in which it is fast: from base to values for drawing, from values to base for
            scoring data.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `event_shape` is empty, or a size in it is not a whole number of at least 1.

    Attributes:
        maps_vectors_alone: Of a class: whether values of more axes than one are refused.
    """

    maps_vectors_alone: ClassVar[bool] = False

    def __init__(self, event_shape: int | Sequence[int], invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.event_shape = whole_sizes(owner, "event_shape", event_shape)
        if not self.event_shape:
            raise ValueError(f"{owner} maps vectors: event_shape must be (d,), got ().")
        if self.maps_vectors_alone and len(self.event_shape) != 1:
            raise ValueError(
                f"{owner} maps vectors: event_shape must be (d,), got {self.event_shape}. "
                "bijectors.Reshape turns other values into vectors."
            )
        self.invert = bool(invert)
        self.context_shape = None

    @abc.abstractmethod
    def build_on(self, context_shape: tuple | None) -> None:
        """Creates variables and builds networks.

        Args:
            context_shape: Shape of one context, without the batch; None where there is none.
        """

    @abc.abstractmethod
    def parameters_of(self, context: Any) -> dict[str, Any]:
        """The tensors that `forward_bijector` takes.

        Args:
            context: Tensor of shape (batch, *context shape), or None.

        Returns:
            A dict of tensors, with the batch in front where there is a context.
        """

    @abc.abstractmethod
    def forward_bijector(self, **parameters: Any) -> Bijector:
        """The map that the class describes, from what `parameters_of` returned."""

    @abc.abstractmethod
    def parameter_shapes(self) -> dict[str, tuple]:
        """Shapes of what `parameters_of` returns for a context, without the batch."""

    def bijector(self, **parameters: Any) -> Bijector:
        """The bijector with these parameters: what calling the layer returned.

        Args:
            **parameters: Tensors by name, with leading axes for a batch.

        Returns:
            The map, or its inverse where the layer is inverted.
        """
        bijector = self.forward_bijector(**parameters)
        return Inverse(bijector) if self.invert else bijector

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Builds the layer for a context, or for none; once.

        Args:
            input_shape: Shape of a batch of contexts; None where there is no context.

        Raises:
            ValueError: A size of a context is not known.
        """
        if self.built:
            return
        if input_shape is not None:
            if not is_shape(input_shape):
                raise ValueError(
                    f"{type(self).__name__}: a context has the parts "
                    f"{', '.join(name for name, _ in named_shapes('context', input_shape))}, but a "
                    "layer of a flow takes one tensor: let a network before it make one of them, "
                    "Flow(..., network=keras.Sequential([kelbo.layers.ConcatenateParts(), ...]))."
                )
            if None in input_shape[1:]:
                raise ValueError(
                    f"{type(self).__name__}: a context has the shape {tuple(input_shape[1:])}; "
                    "only the batch may be unknown. Let a network before it pool over the rest."
                )
            self.context_shape = tuple(input_shape[1:])
        self.build_on(self.context_shape)
        self.built = True

    def call(self, context: Any) -> dict[str, Any]:
        """What `bijector` makes a bijector of.

        Args:
            context: Tensor of shape (batch, *context shape).

        Returns:
            A dict of tensors by name, each of shape (batch, ...).
        """
        return self.parameters_of(context)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        """Shapes of what `call` returns, by name."""
        return {name: (input_shape[0], *shape) for name, shape in self.parameter_shapes().items()}

    def compute_output_spec(self, context: Any) -> dict[str, keras.KerasTensor]:
        """Shapes and dtypes of what `call` returns, as symbolic tensors."""
        self.build(shapes_of(context))
        dtype = full_precision(self.compute_dtype)
        shapes = self.compute_output_shape(shapes_of(context))
        return {name: keras.KerasTensor(shape, dtype) for name, shape in shapes.items()}

    def given(self, context: Any = None) -> Bijector:
        """The bijector for a context, or without one.

        Args:
            context: Tensor of shape (..., *context shape), whose leading axes become the batch of
                the bijector; None where the layer has no context.

        Returns:
            A bijector of values of `event_shape`.

        Raises:
            ValueError: The layer was built with a context and none is given, or the other way
                round.
            TypeError: `context` is a symbolic tensor.
        """
        return self.bijector(**parameters_of_use(self, context))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "event_shape": self.event_shape, "invert": self.invert}
