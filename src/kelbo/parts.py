"""Data and contexts with parts: dicts and tuples of arrays, and what holds of their shapes.

A shape with parts is a dict or tuple of shapes. What has no parts is one array, or one shape.
"""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any


def has_parts(x: Any) -> bool:
    """Whether it is a dict of arrays, or a tuple of them, and no array itself.

    Args:
        x: What was given for a context or for data. A list, and a tuple of numbers, is an array.

    Returns:
        The truth of it.

    Example:
        >>> import numpy as np
        >>> from kelbo.parts import has_parts
        >>> has_parts({"z": np.ones(2)}), has_parts((np.ones(2), np.ones(3))), has_parts([1.0, 2.0])
        (True, True, False)
    """
    if isinstance(x, tuple):
        return any(has_parts(part) or len(getattr(part, "shape", ())) > 0 for part in x)
    return isinstance(x, Mapping)


def map_parts(function: Callable[..., Any], parts: Any, *more: Any) -> Any:
    """Applies a function to each part.

    Args:
        function: Called with a part, and what stands in its place in each of `more`.
        parts: An array, or a dict or tuple of them, nested or not.
        *more: Of the same structure: shapes, say.

    Returns:
        The results, in the structure of `parts`.

    Example:
        >>> from kelbo.parts import map_parts
        >>> map_parts(lambda x, shape: (x, shape), {"a": 1.0, "b": 2.0}, {"a": (), "b": (3,)})
        {'a': (1.0, ()), 'b': (2.0, (3,))}
    """
    if isinstance(parts, Mapping):
        return {k: map_parts(function, part, *(m[k] for m in more)) for k, part in parts.items()}
    if isinstance(parts, list | tuple):  # functional models that were saved make lists of tuples
        return tuple(map_parts(function, *each) for each in zip(parts, *more, strict=True))
    return function(parts, *more)


def map_shapes(function: Callable[[tuple], Any], shapes: Any) -> Any:
    """Applies a function to each shape of a shape with parts.

    Args:
        function: Takes a shape.
        shapes: A shape, or a dict or sequence of them, nested or not; what a file has made lists of
            counts as tuples.

    Returns:
        The results, in the structure of `shapes`.

    Example:
        >>> from kelbo.parts import map_shapes
        >>> map_shapes(len, {"z": [None, 2], "label": (None,)})
        {'z': 2, 'label': 1}
    """
    if isinstance(shapes, Mapping):
        return {name: map_shapes(function, shape) for name, shape in shapes.items()}
    if is_shape(shapes):
        return function(tuple(shapes))
    return tuple(map_shapes(function, shape) for shape in shapes)


def is_shape(x: Any) -> bool:
    """Whether it is one shape, not a dict or sequence of them.

    Example:
        >>> from kelbo.parts import is_shape
        >>> is_shape((None, 3)), is_shape(((None, 3), (None,)))
        (True, False)
    """
    return not isinstance(x, Mapping) and all(size is None or isinstance(size, int) for size in x)


def without_batch(shapes: Any) -> Any:
    """Shape of one example, part by part, from that of a batch.

    Example:
        >>> from kelbo.parts import without_batch
        >>> without_batch({"z": (None, 2), "label": (None,)})
        {'z': (2,), 'label': ()}
    """
    return map_shapes(lambda shape: shape[1:], shapes)


def with_batch(shapes: Any) -> Any:
    """Shape of a batch, part by part, from that of one example.

    Example:
        >>> from kelbo.parts import with_batch
        >>> with_batch({"z": (2,), "label": ()})
        {'z': (None, 2), 'label': (None,)}
    """
    return map_shapes(lambda shape: (None, *shape), shapes)


def shapes_of(parts: Any) -> Any:
    """Shapes of arrays or tensors, part by part.

    Example:
        >>> import numpy as np
        >>> from kelbo.parts import shapes_of
        >>> shapes_of({"z": np.zeros((5, 2)), "label": np.zeros(5)})
        {'z': (5, 2), 'label': (5,)}
    """
    return map_parts(lambda part: tuple(part.shape), parts)


def size_of_batch(shapes: Any) -> int | None:
    """Size of the first axis, which all parts have in common.

    Example:
        >>> from kelbo.parts import size_of_batch
        >>> size_of_batch({"z": (5, 2), "label": (5,)})
        5
    """
    return next(shape for _, shape in named_shapes("", shapes))[0]


def rows_of(parts: Any, chosen: Any) -> Any:
    """Some rows of an array, or of each part.

    Args:
        parts: Arrays with an example in each row.
        chosen: What an array takes in brackets: a slice, or indices.

    Returns:
        The rows, in the structure of `parts`.

    Example:
        >>> import numpy as np
        >>> from kelbo.parts import rows_of
        >>> rows_of({"x": np.arange(3), "context": np.ones((3, 2))}, slice(2))["x"]
        array([0, 1])
    """
    return map_parts(lambda part: part[chosen], parts)


def number_of_rows(parts: Any) -> int:
    """How many examples there are.

    Example:
        >>> import numpy as np
        >>> from kelbo.parts import number_of_rows
        >>> number_of_rows({"x": np.zeros((3, 2)), "context": np.zeros(3)})
        3
    """
    return size_of_batch(shapes_of(parts))


def parts_in_order(parts: Any) -> list[Any]:
    """The parts as a list: those of a dict in the order of their sorted names, on every backend.

    (`keras.tree` sorts them on some.)

    Example:
        >>> from kelbo.parts import parts_in_order
        >>> parts_in_order({"b": 1, "a": (2, {"d": 3, "c": 4})})
        [2, 4, 3, 1]
    """
    if isinstance(parts, Mapping):
        parts = [parts[name] for name in sorted(parts)]
    if isinstance(parts, list | tuple):
        return [each for part in parts for each in parts_in_order(part)]
    return [parts]


def named_parts(name: str, parts: Any) -> Iterator[tuple[str, Any]]:
    """Each part with its full name, for messages.

    Args:
        name: Name of the argument that they were given for.
        parts: An array, or a dict or tuple of them, nested or not.

    Yields:
        Name and part; the argument's own name where it has no parts.

    Example:
        >>> from kelbo.parts import named_parts
        >>> [part for part, _ in named_parts("x", {"x": 1, "context": {"label": 2, "style": 3}})]
        ['x["x"]', 'x["context"]["label"]', 'x["context"]["style"]']
    """
    if isinstance(parts, Mapping):
        for key, part in parts.items():
            yield from named_parts(f'{name}["{key}"]', part)
    elif isinstance(parts, list | tuple):
        for place, part in enumerate(parts):
            yield from named_parts(f"{name}[{place}]", part)
    else:
        yield name, parts


def named_shapes(name: str, shapes: Any) -> Iterator[tuple[str, tuple]]:
    """Each shape of a shape with parts, with the full name of the part: see `named_parts`.

    Example:
        >>> from kelbo.parts import named_shapes
        >>> dict(named_shapes("context", {"z": (None, 2), "label": (None,)}))
        {'context["z"]': (None, 2), 'context["label"]': (None,)}
    """
    boxed = map_shapes(lambda shape: SimpleNamespace(shape=shape), shapes)
    return ((part, box.shape) for part, box in named_parts(name, boxed))


def require_same_parts(owner: str, name: str, given: Any, expected: Any) -> None:
    """Checks that what is given has the parts that are expected, no fewer and no more.

    Args:
        owner: What expects them, for the error.
        name: Name of the argument, for the error.
        given: Shape of what is given, with parts or without.
        expected: Shape of what is expected.

    Raises:
        ValueError: A part is missing, or there is one that is not known.

    Example:
        >>> from kelbo.parts import require_same_parts
        >>> require_same_parts("ConditionalNormal", "context", {"z": (3,)}, {"z": (2,)})
    """
    found = [part for part, _ in named_shapes(name, given)]
    wanted = [part for part, _ in named_shapes(name, expected)]
    if set(found) == set(wanted):
        return
    shown = f"one array, {name}" if is_shape(expected) else f"the parts {', '.join(wanted)}"
    if is_shape(given):
        raise ValueError(f"{owner}: {name} is one array; expected {shown}.")
    lacking, unknown = set(wanted) - set(found), set(found) - set(wanted)
    what = [f"has no {', '.join(sorted(lacking))}"] if lacking and not is_shape(expected) else []
    what += [f"has {', '.join(sorted(unknown))}, which is not known"] if unknown else []
    raise ValueError(f"{owner}: {name} {' and '.join(what)}; expected {shown}.")
