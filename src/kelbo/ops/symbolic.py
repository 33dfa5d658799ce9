"""The functions of this floor as nodes of a Keras functional model."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from kelbo.registration import registered

_functions: dict[str, Callable] = {}


@registered
class FunctionOperation(keras.Operation):
    """One of the functions of `kelbo.ops`, applied to symbolic tensors.

    Made by the functions themselves when they are given a `KerasTensor`, so that a functional model
    may hold them and be saved.

    Args:
        function: The name of the function in `kelbo.ops`.
        name: The name of the node.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> inputs = keras.Input((3,))
        >>> model = keras.Model(inputs, ops.lgamma(inputs))
        >>> model(ops.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(self, function: str, name: str | None = None) -> None:
        super().__init__(name=name)
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the function to tensors."""
        return _functions[self.function](*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this operation again."""
        return {"function": self.function, "name": self.name}


def symbolic(function: Callable) -> Callable:
    """Decorate a function of tensors so that it also takes `KerasTensor`s."""
    _functions[function.__name__] = function

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if any(isinstance(x, keras.KerasTensor) for x in (*args, *kwargs.values())):
            return FunctionOperation(function.__name__)(*args, **kwargs)
        return function(*args, **kwargs)

    return wrapper
