"""Composite: what is made of parametrized objects is converted and saved through them."""

from collections.abc import Callable, Iterator
from typing import Any, Self

import keras

from kelbo.parameters.parametrized import Parametrized
from kelbo.parameters.slicing import BatchIndex, FullRank


class Composite(Parametrized):
    """A distribution or bijector that is made of others: saved with them, of one dtype with them.

    A subclass overrides `_arguments`, which returns its constructor's arguments by name;
    distributions and bijectors, and lists of them, may be among them. It sets `dtype`.
    """

    def astype(self, dtype: str) -> Self:
        if all(part.dtype == dtype for part in _parts(self._arguments({}))):
            return self
        return self._with_each(lambda part: part.astype(dtype))

    def _with_each(self, change: Callable[[Parametrized], Parametrized]) -> Self:
        """The same object made of parts that were changed, one after another."""
        return type(self)(**_each(self._arguments({}), change))

    def _state(self) -> dict[str, Any]:
        return self._arguments({})

    @classmethod
    def _from_state(cls, state: dict[str, Any], dtype: str) -> Self:
        return cls(**state)

    def _lacks_axes(self, index: FullRank) -> bool:
        return any(part._lacks_axes(index) for part in _parts(self._arguments({})))

    def _sliced(self, index: BatchIndex) -> Self:
        return self._with_each(lambda part: part._sliced(index))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, the parts serialised."""
        return _each(self._arguments({}), keras.saving.serialize_keras_object)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object that `get_config` described."""
        return cls(**_each(config, keras.saving.deserialize_keras_object))

    def _description(self) -> str:
        values = self._arguments({}).values()
        return f"{type(self).__name__}({', '.join(map(repr, values))})"


def _parts(arguments: dict[str, Any]) -> Iterator[Parametrized]:
    for value in arguments.values():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Parametrized):
                yield item


def _each(arguments: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The arguments with each part among them, or the config of one, changed."""

    def changed(value):
        if isinstance(value, list | tuple):
            return [changed(item) for item in value]
        is_config = isinstance(value, dict) and "class_name" in value
        return change(value) if is_config or isinstance(value, Parametrized) else value

    return {name: changed(value) for name, value in arguments.items()}
