"""Apply a compiled function to many rows, a fixed number at a time."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.parameters import Parametrized, whole_number


def map_rows(
    function: Callable[..., Any], rows: Any, batch_size: int, verbose: bool = False
) -> Any:
    """Applies `function` to batches of rows and joins the results along the first axis.

    The last batch is padded to a power of two at most, so that few shapes are compiled whatever
    the number of rows.

    Args:
        function: Called as `function(batch, index of the batch)`; returns a nest of tensors with
            a row for each row of the batch, and of distributions with a batch of as many.
        rows: Nest of arrays, and distributions, with the same number of rows.
        batch_size: Rows per call.
        verbose: Whether a progress bar is shown.

    Returns:
        The nest of results for all rows.

    Raises:
        ValueError: There are no rows, or `batch_size` is not a whole number of at least 1.

    Example:
        >>> import numpy as np
        >>> from kelbo.training import map_rows
        >>> map_rows(lambda x, index: x + 1, np.zeros((5, 2)), batch_size=2).shape
        (5, 2)
    """
    batch_size = whole_number("map_rows", "batch_size", batch_size)
    count = _count(keras.tree.flatten(rows)[0])
    if count == 0:
        raise ValueError("There are no rows: the array is empty.")
    starts = range(0, count, batch_size)
    bar = keras.utils.Progbar(len(starts), unit_name="batch") if verbose else None
    results = []
    for index, start in enumerate(starts):
        end = min(start + batch_size, count)
        size = min(batch_size, 1 << (end - start - 1).bit_length())
        batch = keras.tree.map_structure(lambda a: _padded(a[start:end], size), rows)  # noqa: B023
        result = function(batch, index)
        results.append(keras.tree.map_structure(lambda a: _first(a, end - start), result))  # noqa: B023
        if bar is not None:
            bar.update(index + 1)
    if len(results) == 1:
        return results[0]
    return keras.tree.map_structure(_joined, *results)


def _count(rows):
    return rows.batch_shape[0] if isinstance(rows, Parametrized) else len(rows)


def _first(rows, count):
    return rows if isinstance(rows, Parametrized) and _count(rows) == count else rows[:count]


def _joined(*parts):
    if not isinstance(parts[0], Parametrized):
        return ops.concatenate(parts)
    # All in full: of what is the same in each row of a part it is not known that it is in all.
    columns = zip(*map(_rows_of, parts), strict=True)
    joined = iter([ops.concatenate(each) for each in columns])
    return parts[0].with_rows(lambda _: next(joined), sum(map(_count, parts)))


def _rows_of(part):
    """The tensors of a distribution that have rows."""
    found = []

    def keep(tensor):
        found.append(tensor)
        return tensor

    part.with_rows(keep, _count(part))
    return found


def _padded(array, size):
    if isinstance(array, Parametrized):
        if _count(array) == size:
            return array
        return array.with_rows(lambda tensor: _padded(tensor, size), size)
    missing = size - len(array)
    if missing == 0:
        # PyTorch takes neither reversed memory nor, without a warning, memory that is read-only.
        is_odd = isinstance(array, np.ndarray) and (
            not array.flags.writeable or any(stride < 0 for stride in array.strides)
        )
        return np.array(array) if is_odd else array
    array = ops.convert_to_numpy(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
