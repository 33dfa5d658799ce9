"""Objects that are made of tensors, as arguments and results of `tf.function`."""

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf


def register_pytree(kind: type) -> None:
    """Lets `tf.nest` and `tf.function` take a class of `ops.pytrees.Pytree` apart."""
    kind.__tf_flatten__ = _taken_apart
    kind.__tf_unflatten__ = classmethod(_put_together)
    kind.__tf_tracing_type__ = _tracing_type


def _taken_apart(value):
    tensors, structure = value._taken_apart()
    return (structure,), tuple(tensors)


def _put_together(kind, metadata, components):
    return kind._put_together(*metadata, components)


def _tracing_type(value, context):
    tensors, structure = value._taken_apart()
    return PytreeType(type(value), structure, [x.__tf_tracing_type__(context) for x in tensors])


class PytreeType(tf.types.experimental.TraceType):
    """What one trace of a `tf.function` has in common with others, of such an object.

    TensorFlow's own class for `__tf_flatten__` does not see objects that have an `__array__`.

    Args:
        kind: Class of the object.
        structure: What of it is no tensor.
        components: The types of its tensors.
    """

    def __init__(self, kind: type, structure: Any, components: Sequence[Any]):
        self._kind, self._structure, self._components = kind, structure, tuple(components)

    def _is_like(self, other):
        same = isinstance(other, PytreeType) and self._kind is other._kind
        return same and self._structure == other._structure

    def is_subtype_of(self, other: Any) -> bool:
        """Whether what was traced for the other serves this one."""
        return self._is_like(other) and all(
            mine.is_subtype_of(its)
            for mine, its in zip(self._components, other._components, strict=True)
        )

    def most_specific_common_supertype(self, others: Sequence[Any]) -> "PytreeType | None":
        """A type for this one and all others, or None."""
        if not all(map(self._is_like, others)):
            return None
        theirs = zip(*(other._components for other in others), strict=True)
        common = [
            mine.most_specific_common_supertype(its)
            for mine, its in zip(self._components, theirs, strict=True)
        ]
        return None if None in common else PytreeType(self._kind, self._structure, common)

    def _of(self, tensors):
        return self._kind._put_together(self._structure, tensors)

    def placeholder_value(self, placeholder_context: Any) -> Any:
        """The object that is traced."""
        return self._of([c.placeholder_value(placeholder_context) for c in self._components])

    def to_tensors(self, value: Any) -> list[Any]:
        """The tensors of an object."""
        tensors, _ = value._taken_apart()
        pairs = zip(self._components, tensors, strict=True)
        return [leaf for component, tensor in pairs for leaf in component.to_tensors(tensor)]

    def from_tensors(self, tensors: Iterator[Any]) -> Any:
        """The object of these tensors."""
        return self._of([component.from_tensors(tensors) for component in self._components])

    def flatten(self) -> list[Any]:
        """The types of all tensors."""
        return [leaf for component in self._components for leaf in component.flatten()]

    def cast(self, value: Any, cast_context: Any) -> Any:
        """The object with its tensors cast to the types here."""
        tensors, structure = value._taken_apart()
        if structure != self._structure:
            raise ValueError(f"{value!r} is not made as {self!r} is.")
        pairs = zip(self._components, tensors, strict=True)
        return self._of([component.cast(tensor, cast_context) for component, tensor in pairs])

    def __eq__(self, other: object) -> bool:
        return self._is_like(other) and self._components == other._components

    def __hash__(self) -> int:
        return hash((self._kind, self._structure, self._components))

    def __repr__(self) -> str:
        return f"{self._kind.__name__}({', '.join(map(repr, self._components))})"
