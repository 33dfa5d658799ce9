"""Build a network on a shape, and learn what shape it returns."""

import itertools
import re
import warnings
from collections.abc import Sequence
from typing import Any

import keras

from kelbo.networks.whole_numbers import declare_whole_numbers
from kelbo.parts import is_shape, map_shapes, named_shapes, with_batch, without_batch


def build_network(
    owner: str,
    network: keras.layers.Layer | None,
    input_shape: Any,
    argument: str = "network",
) -> tuple[int | None, ...]:
    """Creates all variables of a network, and returns the shape of what it makes of a batch.

    The network is called on a symbolic tensor. So any will do that can be called: with or without
    `build` and `compute_output_shape`, built before or not. To be called in a `build`, where Keras
    lets variables be created.

    Args:
        owner: Name of the class that the network belongs to, for errors.
        network: A Keras layer or model that takes such a batch; None for the identity.
        input_shape: Shape of a batch, or of its parts (a dict or tuple of shapes); the size of the
            batch itself does not matter.
        argument: Name of the argument by which the network was given.

    Returns:
        The shape of a batch of its outputs; what is not known is None.

    Raises:
        ValueError: The network cannot take a batch of this shape, or it does not return one tensor;
            or there is none, and the batch has parts.

    Example:
        >>> import keras
        >>> from kelbo.networks import build_network
        >>> class Twice(keras.layers.Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = keras.layers.Dense(4)
        ...     def call(self, x):
        ...         return 2 * self.dense(x)
        >>> twice = Twice()
        >>> build_network("ConditionalNormal", twice, (None, 3)), len(twice.weights)
        ((None, 4), 2)
    """
    shape = with_batch(without_batch(input_shape))
    if network is None and not is_shape(shape):
        raise ValueError(
            f"{owner}: a context has the parts "
            f"{', '.join(name for name, _ in named_shapes('context', shape))}, and there is no "
            f"{argument} to make features of them: give one, such as "
            "keras.Sequential([kelbo.layers.ConcatenateParts(), keras.layers.Dense(64)])."
        )
    if network is None:
        return shape
    if not is_shape(shape):
        # A Sequential that takes several tensors builds nothing when it is called symbolically.
        return _shape_of(network, shape, (_in_a_trace,), owner, argument)
    declare_whole_numbers(network, shape)
    return _shape_of(network, shape, (_symbolically, _in_a_trace), owner, argument)


def output_shape(
    owner: str, network: keras.layers.Layer, input_shape: Any
) -> tuple[int | None, ...]:
    """The shape of what a network that is built makes of a batch, also of another shape.

    The network is run without numbers: what its layers say of their shapes does not hold where they
    were built for another one.

    Args:
        owner: Name of the class that the network belongs to, for errors.
        network: A Keras layer or model.
        input_shape: Shape of a batch, or of its parts.

    Returns:
        The shape of a batch of its outputs.

    Raises:
        ValueError: The network cannot take a batch of this shape, or it does not return one tensor.

    Example:
        >>> import keras
        >>> from kelbo.networks import output_shape
        >>> network = keras.layers.GRU(3)
        >>> network.build((None, 5, 2))
        >>> output_shape("ConditionalNormal", network, (None, 7, 2))
        (None, 3)
    """
    shape = with_batch(without_batch(input_shape))
    return _shape_of(network, shape, (_in_a_trace,), owner, "network")


def _shape_of(network, shape, calls, owner, argument):
    its = f"{owner}: its {argument}, a {type(network).__name__},"
    output = _called_on(network, shape, calls, its)
    if isinstance(output, keras.KerasTensor) and len(output.shape):
        return (None, *output.shape[1:])
    if isinstance(output, keras.KerasTensor):
        raise ValueError(f"{its} must return features for each example, but it returns a number.")
    shapes = keras.tree.map_structure(lambda x: tuple(getattr(x, "shape", ())), output)
    raise ValueError(
        f"{its} must return one tensor of features, but it returns a {type(output).__name__} of "
        f"the shapes {shapes}: let it concatenate them, or return one of them."
    )


def _called_on(network: Any, shape: Any, calls: Sequence[Any], its: str) -> Any:
    failures = []
    for x, call in itertools.product(_symbolic_batches(shape), calls):
        try:
            with warnings.catch_warnings():
                # Keras says first, and longer, what the error then says.
                warnings.filterwarnings("ignore", ".*looks like it has unbuilt state.*")
                return call(network, x)
        except Exception as error:  # of any kind: it is the code of the network that runs
            failures.append(error)
    raise ValueError(
        f"{its} cannot take a batch of shape {shape}: {reason_of(failures[0])}"
    ) from failures[0]


def _symbolic_batches(shape):
    # What kind of numbers will come is not known here: a network that looks up takes integers.
    count = len(list(named_shapes("", shape)))
    for dtypes in itertools.product(("float32", "int32"), repeat=count):
        left = iter(dtypes)
        yield map_shapes(lambda part: keras.KerasTensor(part, next(left)), shape)  # noqa: B023


def _symbolically(network, x):
    return network(x)


def _in_a_trace(network, x):
    # A Sequential whose layers cannot all tell their shapes takes no symbolic tensor.
    try:
        return _Traced(network).compute_output_spec(x)
    except Exception as error:
        raise error.__context__ or error from None  # without the frame that Keras puts around it


class _Traced(keras.Operation):
    """A network as an operation, which Keras runs without numbers."""

    def __init__(self, network):
        super().__init__()
        self._network = network

    def call(self, x):
        return self._network(x)


def reason_of(error: Exception) -> str:
    """What an error says, without the frame that Keras puts around errors of layers.

    Args:
        error: An error.

    Returns:
        One line.

    Example:
        >>> from kelbo.networks import reason_of
        >>> reason_of(KeyError("weights"))
        "KeyError: 'weights'"
    """
    marked = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    text = " ".join((marked.group(1) if marked else str(error)).split())
    return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
