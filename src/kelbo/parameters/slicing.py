"""Slicing: an index into the axes of a batch, applied to parameters that broadcast to it."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from kelbo import ops
from kelbo.parameters.shapes import Shape
from kelbo.typing import Tensor

_ALL = slice(None)


@dataclass(frozen=True)
class BatchIndex:
    """What is taken of a batch; make one with `BatchIndex.of`.

    Attributes:
        items: A whole number or a slice for each axis of the batch, and None for each new one.
        sizes: The batch shape.
    """

    items: tuple[int | slice | None, ...]
    sizes: Shape

    @classmethod
    def of(cls, owner: str, index: Any, batch_shape: Shape) -> Self:
        """The index that was written in brackets, with an item for every axis.

        Args:
            owner: Name of the class that is indexed, for the error.
            index: Whole numbers, slices, None and at most one Ellipsis: one of them or a tuple.
            batch_shape: What is indexed.

        Returns:
            A `BatchIndex`.

        Raises:
            IndexError: There are more items than axes, or a number is out of range.
            TypeError: An item is something else.

        Example:
            >>> from kelbo.parameters.slicing import BatchIndex
            >>> BatchIndex.of("Normal", (..., 0), (3, 2)).of_shape((3, 2))
            (3,)
        """
        items = list(index) if isinstance(index, tuple) else [index]
        dots = [place for place, item in enumerate(items) if item is Ellipsis]
        axes = sum(item is not None and item is not Ellipsis for item in items)
        if len(dots) > 1 or axes > len(batch_shape):
            what = "more than one Ellipsis" if len(dots) > 1 else f"{axes} items"
            raise IndexError(
                f"{owner}: {what} in the index {_show(index)}, but the batch shape {batch_shape} "
                f"has {len(batch_shape)} axes."
            )
        place = dots[0] if dots else len(items)
        rest = [_ALL] * (len(batch_shape) - axes)
        items = [*items[:place], *rest, *items[place + 1 :]]
        sizes = iter(batch_shape)
        return cls(
            tuple(i if i is None else _checked(owner, i, next(sizes)) for i in items),
            tuple(batch_shape),
        )

    def concerns(self, batch_shape: Shape) -> bool:
        """Whether something of this batch shape is changed by the index.

        Args:
            batch_shape: Its own batch shape, which broadcasts to the batch.

        Returns:
            False for (): there is nothing to take a part of.
        """
        return bool(batch_shape)

    def with_axes_behind(self, rank: int) -> Self:
        """The same index into a batch that has more axes behind, all of which are taken.

        Args:
            rank: How many axes.

        Returns:
            A `BatchIndex`.
        """
        return type(self)(self.items + (_ALL,) * rank, self.sizes + (None,) * rank)

    def of_tensor(self, tensor: Tensor, event_rank: int = 0) -> Tensor:
        """What is taken of a tensor that broadcasts to the batch.

        Axes along which the tensor is repeated stay as they are, or go: nothing is copied out.

        Args:
            tensor: Its last `event_rank` axes are no axes of the batch.
            event_rank: How many.

        Returns:
            A tensor that broadcasts to the batch that is left.
        """
        batch = tuple(tensor.shape)[: len(tensor.shape) - event_rank]
        return tensor[(*self._items_for(batch), *[_ALL] * event_rank)]

    def of_shape(self, shape: Shape) -> Shape:
        """The shape that is left of one that broadcasts to the batch.

        Args:
            shape: A shape; None where a size is not known yet.

        Returns:
            A shape.
        """
        left, sizes = [], iter(shape)
        for item in self._items_for(shape):
            size = 1 if item is None else next(sizes)
            if item is None or item == _ALL:
                left.append(size)
            elif isinstance(item, slice):
                left.append(len(range(*item.indices(size))) if isinstance(size, int) else None)
        return tuple(left)

    def _items_for(self, shape):
        """The items that index a tensor of this shape, which broadcasts to the batch."""
        axis, missing = len(self.sizes), len(self.sizes) - len(shape)
        items = []
        for item in reversed(self.items):
            if item is not None:
                axis -= 1
                if axis < missing:  # a tensor is the same along this axis and those before it
                    break
                size = shape[axis - missing]  # None, or on TensorFlow a tensor, if not known yet
                if isinstance(size, int) and size == 1 and self.sizes[axis] != 1:
                    item = _ALL if isinstance(item, slice) else 0
            items.append(item)
        return items[::-1]


@dataclass(frozen=True)
class FullRank:
    """In place of an index: takes all of a batch, and gives every tensor all axes of it.

    Axes that a tensor lacks get the size 1. So tensors that broadcast go on broadcasting when all
    of them gain an axis in front, or lose the first.

    Attributes:
        rank: The number of axes of the batch.
        rows: The size of the first axis, where tensors are to have it in full; None elsewhere.
    """

    rank: int
    rows: Any = None

    def concerns(self, batch_shape: Shape) -> bool:
        """Always: what has no axes gets some."""
        return True

    def with_axes_behind(self, rank: int) -> Self:
        """The same for a batch that has more axes behind.

        Args:
            rank: How many axes.

        Returns:
            A `FullRank`.
        """
        return type(self)(self.rank + rank, self.rows)

    def of_tensor(self, tensor: Tensor, event_rank: int = 0) -> Tensor:
        """The tensor with all axes of the batch.

        Args:
            tensor: Its last `event_rank` axes are no axes of the batch.
            event_rank: How many.

        Returns:
            A tensor.
        """
        missing = self.rank + event_rank - len(tensor.shape)
        if missing > 0:
            tensor = ops.reshape(tensor, (*[1] * missing, *ops.shape(tensor)))
        if self.rows is None or tensor.shape[0] != 1:
            return tensor
        return ops.broadcast_to(tensor, (self.rows, *ops.shape(tensor)[1:]))

    def of_shape(self, shape: Shape) -> Shape:
        """The shape itself, which is that of the whole batch."""
        return shape


@dataclass(frozen=True)
class EachRow(FullRank):
    """In place of an index: changes the rows of every tensor that has a batch, one after another.

    Attributes:
        change: From a tensor with all axes of the batch, the first in full, to one of other rows.
        count: How many rows that are.
    """

    change: Callable[[Any], Any] = lambda tensor: tensor
    count: Any = None

    def with_axes_behind(self, rank: int) -> Self:
        return replace(self, rank=self.rank + rank)

    def of_tensor(self, tensor: Any, event_rank: int = 0) -> Any:
        """What is made of the tensor."""
        return self.change(super().of_tensor(tensor, event_rank))

    def of_shape(self, shape: Shape) -> Shape:
        """The shape with as many rows."""
        return (self.count, *shape[1:]) if shape else shape


def _checked(owner, item, size):
    if isinstance(item, slice):
        if item.step is not None and item.step < 1:
            raise IndexError(
                f"{owner}: the slice {_show(item)} has a step of {item.step}; it must be positive."
            )
        return item
    try:
        number = None if isinstance(item, bool) else operator.index(item)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(
            f"{owner}: {item!r} cannot index a batch; give whole numbers, slices, None or an "
            "Ellipsis. For a choice of several, index the parameters."
        )
    if size is None:
        return number
    if not -size <= number < size:
        raise IndexError(f"{owner}: {number} is out of range for a batch axis of {size} entries.")
    return number % size


def _show(index):
    if isinstance(index, tuple):
        return f"[{', '.join(map(_show, index)).replace('[', '').replace(']', '')}]"
    if isinstance(index, slice):
        ends = ["" if end is None else str(end) for end in (index.start, index.stop)]
        return f"[{':'.join([*ends, *([] if index.step is None else [str(index.step)])])}]"
    return f"[{'...' if index is Ellipsis else index}]"
