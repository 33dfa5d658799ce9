"""Networks that look whole numbers up, such as an embedding of identifiers."""

from collections.abc import Sequence

import keras

from kelbo.keras_internals import layers_within

_LOOKUPS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
)


def takes_whole_numbers(network: keras.layers.Layer | None) -> bool:
    """Whether a network wants whole numbers as they are, not in floating point.

    Floating point of 32 bits holds them up to 2^24 alone: identifiers above would collide.

    Args:
        network: A layer or model, or None.

    Returns:
        True where it holds a layer that looks numbers up (an `Embedding`, say), where a
        `keras.Input` of it is declared as whole numbers, or where a layer that is neither of Keras
        nor of Kelbo says `autocast=False`.

    Example:
        >>> import keras
        >>> from kelbo.networks import takes_whole_numbers
        >>> takes_whole_numbers(keras.layers.Embedding(9, 2))
        True
    """
    if network is None:
        return False
    return any(_is_lookup(layer) for layer in layers_within(network))


def _is_lookup(layer):
    if isinstance(layer, keras.layers.InputLayer):
        return keras.backend.is_int_dtype(layer.dtype)
    is_own = type(layer).__module__.partition(".")[0] not in ("keras", "kelbo")
    return isinstance(layer, _LOOKUPS) or (is_own and not layer.autocast)


def declare_whole_numbers(network: keras.layers.Layer, input_shape: Sequence[int | None]) -> None:
    """Tells a `Sequential` that begins with a lookup to take whole numbers.

    Keras would declare its input in the dtype that its first layer computes in, and round.

    Args:
        network: A layer or model that is not built; it changes only where it has to.
        input_shape: Shape of a batch of its inputs.
    """
    if network.built or not isinstance(network, keras.Sequential) or not network.layers:
        return
    layers = list(network.layers)
    if isinstance(layers[0], keras.layers.InputLayer) or not _is_lookup(layers[0]):
        return
    for _ in layers:
        network.pop(rebuild=False)
    network.add(keras.Input(batch_shape=tuple(input_shape), dtype="int32"))
    for layer in layers:
        network.add(layer)
