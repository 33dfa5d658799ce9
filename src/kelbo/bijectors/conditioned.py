"""The base of bijectors whose parameters are computed from the value itself."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras

from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, constraints, whole_number


class Conditioned(Bijector):
    """A map of vectors made of a map of numbers, whose parameters a function computes.

    Args:
        conditioner: From a part of the value to a bijector of numbers.
        event_rank: How many trailing axes make up one value.
        batch_shape: The batch of the map where the conditioner brings one along (a context).
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.

    Raises:
        ValueError: The conditioner cannot be called, or the rank is not a whole number.
    """

    def __init__(
        self,
        conditioner: Callable[[Any], Bijector],
        event_rank: int = 1,
        batch_shape: Sequence[int | None] = (),
        *,
        dtype: str | None = None,
    ):
        owner = type(self).__name__
        if not callable(conditioner):
            raise ValueError(f"{owner}: conditioner must be a function, got {conditioner!r}.")
        super().__init__(dtype=dtype, validate=False)
        self.conditioner = conditioner
        self._event_rank = whole_number(owner, "event_rank", event_rank)
        self._batch_shape = tuple(batch_shape)

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
        return self.conditioner(value).astype(keras.backend.standardize_dtype(value.dtype))

    def _of_size(self, shape, size):
        if shape[-1] not in (None, size):
            raise ValueError(
                f"{type(self).__name__}: the map is one of vectors of {size} entries, which does "
                f"not fit values of shape {tuple(shape)}."
            )
        return shape

    def _arguments(self, parameters):
        return {
            "conditioner": self.conditioner,
            "event_rank": self.event_rank,
            "batch_shape": self.batch_shape,
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
        return {**self._arguments({}), "conditioner": saved, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The bijector that `get_config` described."""
        conditioner = keras.saving.deserialize_keras_object(config["conditioner"])
        return super().from_config({**config, "conditioner": conditioner})
