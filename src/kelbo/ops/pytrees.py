"""Objects that are made of tensors, and go wherever tensors go."""

import abc
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Self

import keras

from kelbo.ops.backends import backend


class Pytree(abc.ABC):
    """An object that is made of tensors: compiled functions and loops take and return it.

    A subclass says in `_taken_apart` which tensors it holds and what else it is, and makes of both
    the object again in `_put_together`. That is all: `ops.compile`, `ops.scan`, `ops.fori_loop`,
    `ops.while_loop` and `training.map_rows` know it; on JAX it is a registered pytree, so that
    `jax.jit`, `jax.vmap`, `jax.lax.scan` and `jax.grad` do, and on TensorFlow `tf.function` and
    `tf.nest` do. `keras.tree` sees one leaf.
    """

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        backend.register_pytree(cls)

    @abc.abstractmethod
    def _taken_apart(self) -> tuple[list[Any], Hashable]:
        """The tensors, and the rest: equal for objects that differ in their tensors alone."""

    @classmethod
    @abc.abstractmethod
    def _put_together(cls, structure: Hashable, tensors: Iterable[Any]) -> Self:
        """The object of these tensors; never an error, for JAX puts other things in their place."""

    @abc.abstractmethod
    def _names_of(self, structure: Hashable) -> list[str]:
        """A name for each tensor."""

    @abc.abstractmethod
    def spread(self) -> Self:
        """The same object, whose tensors all have the whole first axis of its batch.

        For what goes along it, as `jax.vmap` does; `ops.scan` and `training.map_rows` do it by
        themselves.

        Returns:
            An object of this class.

        Raises:
            ValueError: The batch shape is ().

        Example:
            >>> from kelbo.distributions import Normal
            >>> Normal([0.0, 1.0], 5.0).spread().tensors()["scale"]
            [5., 5.]
        """

    @abc.abstractmethod
    def enclosing(self) -> list[tuple[str, str]]:
        """Functions of the object that enclose a traced tensor, which a compiled one leaves behind.

        Returns:
            Pairs of the function's name and that of the variable.
        """

    def tensors(self) -> dict[str, Any]:
        """The tensors that the object is made of, by name.

        They have an axis for each of the batch, of size 1 where they do not vary along it: so they
        may be stacked with those of others, or gain an axis in front in a `vmap`.

        Returns:
            A dict; a tensor of a part is named after the part first: "distribution.loc".

        Example:
            >>> from kelbo.distributions import Independent, Normal
            >>> tensors = Independent(Normal([0.0, 1.0], 2.0)).tensors()
            >>> list(tensors), tensors["distribution.scale"].shape
            (['distribution.loc', 'distribution.scale'], (1,))
        """
        tensors, structure = self._taken_apart()
        return dict(zip(self._names_of(structure), tensors, strict=True))

    def with_tensors(self, tensors: Mapping[str, Any]) -> Self:
        """The same object made of other tensors, which are taken as they are: nothing is checked.

        Args:
            tensors: Tensors by the names of `tensors()`, all of them.

        Returns:
            An object of this class.

        Raises:
            ValueError: The names are others.

        Example:
            >>> from kelbo.distributions import Normal
            >>> d = Normal(0.0, 1.0)
            >>> float(d.with_tensors({**d.tensors(), "loc": d.loc + 3.0}).mean())
            3.0
        """
        _, structure = self._taken_apart()
        names = self._names_of(structure)
        if set(tensors) != set(names):
            raise ValueError(
                f"{type(self).__name__}.with_tensors: expected {', '.join(names) or 'no tensors'}; "
                f"got {', '.join(tensors) or 'none'}."
            )
        return self._put_together(structure, [tensors[name] for name in names])


class Structure:
    """What is left of a nest without its tensors: equal for nests that differ in them alone."""

    def __init__(self, nest: Any, items: tuple):
        # Without what it was made of: tensors would be kept.
        self._nest = keras.tree.map_structure(lambda _: None, nest)
        self._key = _shape_of(self._nest), items
        self._shown = [item[0].__name__ if isinstance(item, tuple) else "*" for item in items]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return repr(keras.tree.pack_sequence_as(self._nest, self._shown)).replace("'", "")


def _shape_of(nest):
    if isinstance(nest, dict):  # which have no order here
        return dict, tuple(sorted((name, _shape_of(item)) for name, item in nest.items()))
    if isinstance(nest, list | tuple):
        return type(nest), tuple(map(_shape_of, nest))
    return ()


def opened(
    nest: Any, spread: bool = False
) -> tuple[list[Any], Callable[[Iterable[Any]], Any], Structure]:
    """All tensors of a nest in which there may be pytrees.

    Args:
        nest: A nest of tensors, None and pytrees.
        spread: Whether tensors of pytrees get the whole first axis of the batch.

    Returns:
        The leaves, with the tensors of pytrees in their place; a function that makes of as many
        others a nest like the one that was given; and the structure of it.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.ops.pytrees import opened
        >>> leaves, close, _ = opened({"x": 1.0, "d": Normal(0.0, 1.0)})
        >>> len(leaves), close(leaves)["x"]
        (3, 1.0)
    """
    leaves, items = [], []
    for item in keras.tree.flatten(nest):
        if isinstance(item, Pytree):
            tensors, structure = (item.spread() if spread else item)._taken_apart()
            leaves += tensors
            items.append((type(item), structure, len(tensors)))
        else:
            leaves.append(item)
            items.append(item is None)
    whole = Structure(nest, tuple(items))

    def close(values: Iterable[Any]) -> Any:
        values, closed = iter(values), []
        for item in items:
            if isinstance(item, tuple):
                kind, structure, count = item
                closed.append(kind._put_together(structure, [next(values) for _ in range(count)]))
            else:
                closed.append(next(values))
        return keras.tree.pack_sequence_as(whole._nest, closed)

    return leaves, close, whole


def map_tensors(function: Callable[[Any], Any], nest: Any) -> Any:
    """Applies a function to each tensor of a nest, those of pytrees in it too.

    Args:
        function: From a tensor to a tensor.
        nest: A nest of tensors and pytrees.

    Returns:
        A nest like it.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.ops.pytrees import map_tensors
        >>> float(map_tensors(lambda x: 2.0 * x, Normal(1.0, 1.0)).stddev())
        2.0
    """
    leaves, close, _ = opened(nest)
    return close(map(function, leaves))
