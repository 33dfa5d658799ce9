"""Composite: what bijectors that are made of others have in common."""

from collections.abc import Callable
from typing import Any, Self

import keras

from kelbo.bijectors.bijector import Bijector


class Composite(Bijector):
    """A bijector that is made of others: of one dtype with them, and saved with them.

    A subclass overrides `_arguments`, which returns its constructor's arguments; bijectors, and
    lists of them, may be among them.

    Args:
        *children: The bijectors inside.
    """

    def __init__(self, *children: Bijector):
        self._children = children
        super().__init__(dtype=max(child.dtype for child in children), validate=False)

    @property
    def _parameter_dtype(self):
        dtypes = [child._parameter_dtype for child in self._children]
        return max((dtype for dtype in dtypes if dtype), default=None)

    def astype(self, dtype: str) -> Self:
        if all(child.dtype == dtype for child in self._children):
            return self
        return type(self)(**_each(self._arguments({}), lambda child: child.astype(dtype)))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, the bijectors serialised."""
        return _each(self._arguments({}), keras.saving.serialize_keras_object)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The bijector that `get_config` described."""
        return cls(**_each(config, keras.saving.deserialize_keras_object))

    def __repr__(self) -> str:
        values = self._arguments({}).values()
        return f"{type(self).__name__}({', '.join(map(repr, values))})"


def _each(arguments: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The arguments with each bijector among them, or the config of one, changed."""

    def changed(value):
        if isinstance(value, list | tuple):
            return [changed(item) for item in value]
        is_config = isinstance(value, dict) and "class_name" in value
        return change(value) if is_config or isinstance(value, Bijector) else value

    return {name: changed(value) for name, value in arguments.items()}
