"""Tables in which a network looks numbers up first: which numbers they hold."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.parts import has_parts
from kelbo.violations import find_violations

# How many numbers a layer knows, from 0 on; one that derives from it may do otherwise.
_SIZES = {keras.layers.Embedding: "input_dim", keras.layers.CategoryEncoding: "num_tokens"}


def require_known_numbers(
    owner: str, name: str, network: keras.layers.Layer | None, values: Any
) -> None:
    """Refuses numbers that a network would look up in a table that does not hold them.

    A backend reads another row of the table for some of them, and says nothing. Seen are tables
    that get an input of the network as it is: the first layer of a `Sequential`, and those that
    take an `Input` of a functional model.

    Args:
        owner: Whose data they are, for the error.
        name: Name of the values, for the error.
        network: A layer or model, or None.
        values: What the network is to get, an array or a dict or tuple of arrays; None in the place
            of what is not known.

    Raises:
        ValueError: Some values are not whole numbers, are below 0, or are above the last row.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.networks import require_known_numbers
        >>> require_known_numbers("VAE", "x", keras.layers.Embedding(10, 2), np.array([0, 9]))
    """
    for label, array, layer in _looked_up(name, network, values):
        size, array = getattr(layer, _SIZES[type(layer)]), ops.convert_to_numpy(array)
        count, first = find_violations(array, lambda rows: _is_in_table(rows, size))  # noqa: B023
        if count:
            shown = ", ".join(f"{array[p]:g} at [{', '.join(map(str, p))}]" for p in first)
            raise ValueError(
                f"{owner}: {count} of the {array.size} values of {label} are not in the table of "
                f"its {type(layer).__name__}, which holds whole numbers from 0 to {size - 1} "
                f"(first: {shown}). Number the categories from 0, or give it more rows."
            )


def _is_in_table(rows, size):
    is_row = (rows >= 0) & (rows < size)
    return is_row if rows.dtype.kind in "biu" else is_row & (rows == np.floor(rows))


def _looked_up(name, network, values) -> Iterator[tuple[str, Any, keras.layers.Layer]]:
    """What goes into a table as it is: its name, the values, and the table."""
    if network is None or values is None:
        return
    if type(network) in _SIZES:
        if not has_parts(values) and getattr(network, _SIZES[type(network)]) is not None:
            yield name, values, network
    elif isinstance(network, keras.Sequential):
        layers = [each for each in network.layers if not isinstance(each, keras.layers.InputLayer)]
        yield from _looked_up(name, layers[0] if layers else None, values)
    elif isinstance(network, keras.Model) and getattr(network, "inputs", None):
        given = dict(_by_input(network.input, name, values))
        for layer in network.layers:
            if type(layer) in _SIZES and id(_input_of(layer)) in given:
                label, array = given[id(_input_of(layer))]
                yield from _looked_up(label, layer, array)


def _by_input(inputs, name, values) -> Iterator[tuple[int, tuple[str, Any]]]:
    """Name and values of each input of a functional model, by the symbolic tensor's identity."""
    if isinstance(inputs, list | tuple) and len(inputs) == 1 and not has_parts(values):
        inputs = inputs[0]
    if isinstance(inputs, Mapping) and isinstance(values, Mapping):
        pairs = [(f'{name}["{n}"]', inputs[n], values[n]) for n in inputs if n in values]
    elif isinstance(inputs, list | tuple) and isinstance(values, list | tuple):
        pairs = [
            (f"{name}[{i}]", *pair) for i, pair in enumerate(zip(inputs, values, strict=False))
        ]
    else:
        yield id(inputs), (name, values)
        return
    for label, symbol, array in pairs:
        yield from _by_input(symbol, label, array)


def _input_of(layer):
    """The symbolic tensor that a layer of a functional model was first called on, or None."""
    try:
        return layer.input
    except (AttributeError, ValueError):
        return None
