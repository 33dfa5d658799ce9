"""What an object is made of: tensors on one side, all the rest on the other."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from kelbo import ops
from kelbo.ops.pytrees import Pytree

_PLAIN = frozenset({bool, int, str, type(None)})
_ANY_FLOAT = frozenset({"float32", "float64"})


# Asked for every tensor that goes into a compiled function.
_name_of = functools.lru_cache(maxsize=64)(keras.backend.standardize_dtype)


class Tensor(NamedTuple):
    """The place of a tensor, of a floating dtype or of the one that is named."""

    dtype: str | None


class Fixed:
    """A value that is no tensor: equal to one of the same type and value, or the same object."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any):
        self.value = value
        if isinstance(value, np.ndarray):
            self._key = (str(value.dtype), value.shape, value.tobytes())
        elif isinstance(value, float):
            self._key = (float, repr(value))  # as 0.0 and -0.0 differ, and NaN equals itself
        else:
            self._key = (type(value), value)
            try:
                hash(self._key)
            except TypeError:
                self._key = (type(value), id(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return repr(self.value)


class Nest(NamedTuple):
    """A list, tuple, dict or `functools.partial` in which there may be tensors."""

    kind: type
    keys: tuple
    items: tuple


class Made(NamedTuple):
    """An object, by its class, the dtype that it has, and its arguments."""

    kind: type
    dtype: str
    names: tuple
    items: tuple


def take_apart(value: Any, tensors: list[Any]) -> Any:
    """The structure of a value, whose tensors are put behind those in a list.

    Args:
        value: A tensor, a `Parametrized` object, a nest of such, or anything else.
        tensors: A list, which grows.

    Returns:
        A structure: equal for values that differ in their tensors alone.
    """
    if isinstance(value, Pytree):
        state = value._state()
        items = tuple([take_apart(item, tensors) for item in state.values()])
        return Made(type(value), value.dtype, tuple(state), items)
    if isinstance(value, list | tuple):
        if type(value) is tuple and all(type(item) in _PLAIN for item in value):
            return Fixed(value)
        return Nest(type(value), (), tuple([take_apart(item, tensors) for item in value]))
    if isinstance(value, dict):
        items = tuple([take_apart(item, tensors) for item in value.values()])
        return Nest(dict, tuple(value), items)
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return Nest(functools.partial, (), tuple([take_apart(part, tensors) for part in parts]))
    if not ops.is_tensor(value):
        return Fixed(value)
    tensors.append(value)
    dtype = _name_of(value.dtype)
    return Tensor(None if dtype in _ANY_FLOAT else dtype)


def put_together(structure: Any, tensors: Iterator[Any]) -> Any:
    """The value of a structure and as many tensors as it has.

    Args:
        structure: What `take_apart` returned.
        tensors: In the same order.

    Returns:
        A value.
    """
    if isinstance(structure, Tensor):
        return next(tensors)
    if isinstance(structure, Fixed):
        return structure.value
    items = [put_together(item, tensors) for item in structure.items]
    if isinstance(structure, Made):
        own = (tensor for tensor in items if ops.is_tensor(tensor))
        floats = (_name_of(tensor.dtype) for tensor in own)
        dtype = next((each for each in floats if each in _ANY_FLOAT), structure.dtype)
        return structure.kind._from_state(dict(zip(structure.names, items, strict=True)), dtype)
    if structure.kind is dict:
        return dict(zip(structure.keys, items, strict=True))
    if structure.kind is functools.partial:
        function, args, keywords = items
        return functools.partial(function, *args, **keywords)
    return structure.kind(items)


def places(structure: Any) -> Iterator[tuple[str, Tensor]]:
    """The places of tensors in a structure, with the names that lead to them.

    Args:
        structure: What `take_apart` returned.

    Yields:
        Pairs of a name, such as "distribution.loc", and a `Tensor`.
    """
    if isinstance(structure, Tensor):
        yield "", structure
    elif not isinstance(structure, Fixed):
        names = structure.names if isinstance(structure, Made) else structure.keys
        for name, item in zip(names or range(len(structure.items)), structure.items, strict=True):
            for rest, place in places(item):
                yield f"{name}.{rest}" if rest else str(name), place


def fits(structure: Any, tensors: Iterable[Any]) -> bool:
    """Whether an object of this structure can be made of these.

    Args:
        structure: What `take_apart` returned.
        tensors: As many as it has, or what JAX puts in their place.

    Returns:
        False where one is no tensor, or of another kind of dtype.
    """
    for (_, place), tensor in zip(places(structure), tensors, strict=True):
        if not ops.is_tensor(tensor):
            return False
        dtype = _name_of(tensor.dtype)
        if dtype != place.dtype if place.dtype else dtype not in _ANY_FLOAT:
            return False
    return True


def enclosed(structure: Any) -> Iterator[tuple[str, str]]:
    """The functions in a structure that enclose a tensor which is being traced.

    Args:
        structure: What `take_apart` returned.

    Yields:
        Pairs of the name of a function and that of a variable in it.
    """
    if isinstance(structure, Fixed):
        code = getattr(structure.value, "__code__", None)
        cells = getattr(structure.value, "__closure__", None) or ()
        for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=True):
            with contextlib.suppress(ValueError):  # an empty cell
                held = cell.cell_contents
                if ops.is_tensor(held) and not ops.is_concrete(held):
                    yield structure.value.__qualname__, name
    elif not isinstance(structure, Tensor):
        for item in structure.items:
            yield from enclosed(item)
