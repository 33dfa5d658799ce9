"""What may be given where a network is wanted."""

import inspect
from typing import Any

import keras


def as_network(owner: str, network: Any, argument: str = "network") -> keras.layers.Layer | None:
    """A network as it was given, where it is one.

    Args:
        owner: Name of the class that takes it, for the error.
        network: A Keras layer or model, or None.
        argument: Name of the argument.

    Returns:
        `network`.

    Raises:
        TypeError: It is anything else: a function, a class, a name, a list of layers.

    Example:
        >>> import keras
        >>> from kelbo.networks import as_network
        >>> as_network("ConditionalNormal", keras.layers.Dense(3, name="features")).name
        'features'
    """
    if network is None or isinstance(network, keras.layers.Layer):
        return network
    raise TypeError(
        f"{owner}: {argument} must be a Keras layer or model, or None, got {_what_to_do(network)}"
    )


def _what_to_do(given):
    if inspect.isclass(given):
        name = given.__name__
        return f"the class {name}, not a layer of it: give {name}(...)."
    if isinstance(given, list | tuple):
        return f"a {type(given).__name__}: keras.Sequential([...]) makes one network of layers."
    if isinstance(given, str):
        return f"the name {given!r}: give a layer, such as keras.layers.Dense(16, {given!r})."
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return (
            f"the function {name}: make it a layer, keras.layers.Lambda({name}), or, so that it "
            "can be saved and loaded, the `call` of a subclass of keras.layers.Layer."
        )
    return f"{given!r}."
