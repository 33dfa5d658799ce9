"""Composite: what distributions that are made of others have in common."""

from collections.abc import Callable
from typing import Any, Self

import keras

from kelbo.bijectors import Bijector
from kelbo.distributions.distribution import Distribution

_Part = Distribution | Bijector


class Composite(Distribution):
    """A distribution that is made of others: of one dtype with them, and saved with them.

    A subclass overrides `_arguments`, which returns its constructor's arguments by name;
    distributions and bijectors, and lists of them, may be among them. It sets `dtype`.
    """

    def astype(self, dtype: str) -> Self:
        if dtype == self.dtype:
            return self
        return type(self)(**_each(self._arguments({}), lambda part: part.astype(dtype)))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, the distributions serialised."""
        return _each(self._arguments({}), keras.saving.serialize_keras_object)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The distribution that `get_config` described."""
        return cls(**_each(config, keras.saving.deserialize_keras_object))

    def __repr__(self) -> str:
        values = self._arguments({}).values()
        return f"{type(self).__name__}({', '.join(map(repr, values))})"


def _each(arguments: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The arguments with each part among them, or the config of one, changed."""

    def changed(value):
        if isinstance(value, list | tuple):
            return [changed(item) for item in value]
        is_config = isinstance(value, dict) and "class_name" in value
        return change(value) if is_config or isinstance(value, _Part) else value

    return {name: changed(value) for name, value in arguments.items()}
