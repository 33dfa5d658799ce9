"""The base of bijectors whose parameters are computed from the value itself."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras

from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, broadcast_shapes, constraints, whole_number
from kelbo.typing import ArrayLike


class Conditioned(Bijector):
    """A map of vectors made of a map of numbers, whose parameters a function computes.

    Args:
        conditioner: From a part of the value, and the context where there is one, to a bijector of
            numbers.
        event_rank: How many trailing axes make up one value.
        batch_shape: The batch of the map where the conditioner brings one along by itself: such a
            map cannot be indexed.
        context: What the conditioner is given beside the value: a tensor whose leading axes are the
            batch of the map, or None.
        context_rank: How many trailing axes make up one context.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.

    Raises:
        ValueError: The conditioner cannot be called, or the rank is not a whole number.
    """

    parameters = {"context": constraints.real}

    def __init__(
        self,
        conditioner: Callable[..., Bijector],
        event_rank: int = 1,
        batch_shape: Sequence[int | None] = (),
        context: ArrayLike | None = None,
        context_rank: int = 1,
        *,
        dtype: str | None = None,
    ):
        owner = type(self).__name__
        if not callable(conditioner):
            raise ValueError(f"{owner}: conditioner must be a function, got {conditioner!r}.")
        self.context_rank = whole_number(owner, "context_rank", context_rank, 0)
        self.context = None
        given = {} if context is None else {"context": context}
        super().__init__(**given, dtype=dtype, validate=False)
        self.conditioner = conditioner
        self._event_rank = whole_number(owner, "event_rank", event_rank)
        self._own_batch = tuple(batch_shape)
        self._batch_shape = broadcast_shapes(self._batch_shape, self._own_batch)

    def _parameter_batch_shape(self, name):
        shape = tuple(self._given[name].shape)
        return shape[: len(shape) - self.context_rank]

    def _sliced_within(self, index, rank):
        if self._own_batch and self._given:
            return self._of_unknown_batch(index)
        return super()._sliced_within(index, rank)

    @property
    def _parameter_dtype(self):
        return None  # the context is given to networks alone

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return self._event_rank

    @property
    def domain(self) -> Constraint:
        """All values."""
        return constraints.real_vector

    @property
    def codomain(self) -> Constraint:
        """All values."""
        return constraints.real_vector

    def _bijector_at(self, value):
        # A network computes in its own dtype; the map computes in that of the value.
        given = (value,) if self.context is None else (value, self.context)
        return self.conditioner(*given).astype(keras.backend.standardize_dtype(value.dtype))

    def _of_size(self, shape, size):
        if shape[-1] not in (None, size):
            raise ValueError(
                f"{type(self).__name__}: the map is one of vectors of {size} entries, which does "
                f"not fit values of shape {tuple(shape)}."
            )
        return shape

    def _arguments(self, parameters):
        more = {"context_rank": self.context_rank} if parameters else {}
        return {
            "conditioner": self.conditioner,
            "event_rank": self.event_rank,
            "batch_shape": self._own_batch,
            **parameters,
            **more,
        }

    def astype(self, dtype: str) -> Self:
        if dtype == self.dtype:
            return self
        other = copy.copy(self)
        other.dtype = dtype
        return other

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments; the conditioner must be a layer or a registered function.

        Raises:
            ValueError: The conditioner is a function that is not registered.
        """
        conditioner = self.conditioner
        if not isinstance(conditioner, keras.layers.Layer):
            name = keras.saving.get_registered_name(conditioner)
            if keras.saving.get_registered_object(name) is not conditioner:
                raise ValueError(
                    f"{type(self).__name__}: its conditioner, {conditioner!r}, is not registered, "
                    "so it cannot be saved: decorate it with "
                    "@keras.saving.register_keras_serializable(package=...). The layers of "
                    "kelbo.layers save their networks by themselves."
                )
        saved = keras.saving.serialize_keras_object(conditioner)
        return {**super().get_config(), "conditioner": saved}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The bijector that `get_config` described."""
        conditioner = keras.saving.deserialize_keras_object(config["conditioner"])
        return super().from_config({**config, "conditioner": conditioner})
