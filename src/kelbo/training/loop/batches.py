"""Examples in an order that is a function of seed and epoch, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kelbo.parts import has_parts, named_parts


@dataclass(frozen=True, eq=False)
class Pass:
    """A stretch of one pass over the data.

    Attributes:
        order: Indices of what is visited in the whole pass, in this order.
        start: First batch of the stretch.
        stop: The batch after its last.
    """

    order: np.ndarray
    start: int
    stop: int


def passes_of_epoch(
    epoch: int, steps: int, batches: int, items: int, seed: int | None
) -> list[Pass]:
    """What an epoch visits: stretches of passes over the data, each in an order of its own.

    Epochs of as many steps as there are batches are one pass each. Shorter and longer ones go on
    where the epoch before ended, so that every item is visited once per pass whatever the number
    of steps, and an epoch needs to know nothing but its number.

    Args:
        epoch: Number of the epoch, from 0.
        steps: Steps per epoch.
        batches: Batches per pass.
        items: How many items a pass visits.
        seed: Decides the order, together with the number of the pass; None for the given order.

    Returns:
        The stretches, in order; their batches are the steps of the epoch.

    Example:
        >>> from kelbo.training.loop.batches import passes_of_epoch
        >>> [(p.start, p.stop) for p in passes_of_epoch(1, 4, batches=5, items=10, seed=None)]
        [(4, 5), (0, 3)]
    """
    found, begin, end = [], epoch * steps, (epoch + 1) * steps
    while begin < end:
        number, start = divmod(begin, batches)
        stop = min(batches, start + end - begin)
        order = np.arange(items, dtype=np.int32)
        if seed is not None:
            # The same for the same seed and number, in any process.
            order = np.random.default_rng([seed, number]).permutation(items).astype(np.int32)
        found.append(Pass(order, start, stop))
        begin += stop - start
    return found


def place_of_step(passes: list[Pass], step: int) -> tuple[np.ndarray, int]:
    """The order of the pass that a step of the epoch belongs to, and its batch there."""
    for stretch in passes:
        if step < stretch.stop - stretch.start:
            return stretch.order, stretch.start + step
        step -= stretch.stop - stretch.start
    raise IndexError(step)


class Batches(keras.utils.PyDataset):
    """Arrays of examples, cut into batches in a given order.

    Args:
        data: Arrays with the examples along their first axis, as (x,), (x, y) or (x, y, w); each is
            one array, or a dict of them.
        batch_size: Examples per batch; the last batch of a pass may be shorter.
        steps: Batches per epoch; None for one pass.

    Attributes:
        examples: How many examples there are.
        passes: What the epoch visits; the given order, until `begin_epoch` says otherwise.
    """

    def __init__(self, data: Any, batch_size: int, steps: int | None = None):
        super().__init__()
        self.data = data
        self.batch_size = batch_size
        self.examples = count_examples(data)
        self._per_pass = -(-self.examples // batch_size)
        self.steps = self._per_pass if steps is None else steps
        self.begin_epoch(0, None)

    def begin_epoch(self, epoch: int, seed: int | None) -> None:
        """Sets the order of one epoch.

        Args:
            epoch: Its number, from 0.
            seed: Decides the order, together with the epoch; None for the given order.
        """
        self.passes = passes_of_epoch(epoch, self.steps, self._per_pass, self.examples, seed)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Any:
        order, batch = place_of_step(self.passes, index)
        return self.rows(order[batch * self.batch_size : (batch + 1) * self.batch_size])

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def rows(self, indices: Any) -> Any:
        """The examples at these indices, in the form that Keras expects of a batch."""
        return keras.tree.map_structure(lambda array: array[indices], self.data)


def count_examples(data: tuple) -> int:
    """Number of examples in (x,), (x, y) or (x, y, weights): each one array, a dict of them, None.

    Raises:
        ValueError: The arrays do not agree, or there are no examples.
    """
    lengths = {
        part: len(array)
        for name, of_name in zip(("x", "y", "sample_weight"), data, strict=False)
        for part, array in named_parts(name, of_name)
        if array is not None
    }
    counts = set(lengths.values())
    if len(counts) != 1 and has_parts(data[0]):
        found = ", ".join(f"{length} of {part}" for part, length in lengths.items())
        raise ValueError(
            f"All arrays must hold the same number of examples along their first axis; got {found}."
        )
    if len(counts) != 1:
        raise ValueError(
            "All arrays must hold the same number of examples along their first axis; got "
            f"{' and '.join(map(str, sorted(counts)))}. (A list of arrays is one array, along "
            "whose first axis they lie.)"
        )
    (count,) = counts
    if count == 0:
        raise ValueError("There are no examples: the arrays are empty.")
    return count
