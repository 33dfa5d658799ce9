"""Examples in an order that is a function of seed and epoch, batch by batch."""

from typing import Any

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Arrays of examples, cut into batches in a given order.

    Args:
        data: Nest of arrays with the examples along their first axis, such as (x,) or (x, y, w).
        batch_size: Examples per batch; the last batch may be shorter.

    Attributes:
        order: Indices of the examples, in the order in which an epoch visits them.
    """

    def __init__(self, data: Any, batch_size: int):
        super().__init__()
        self.data = data
        self.batch_size = batch_size
        self.examples = count_examples(data)
        self.order = np.arange(self.examples, dtype=np.int32)

    def shuffle(self, seed: int, epoch: int) -> None:
        """Sets the order of one epoch: the same for the same seed and epoch, in any process."""
        generator = np.random.default_rng([seed, epoch])
        self.order = generator.permutation(self.examples).astype(np.int32)

    def __len__(self) -> int:
        return -(-self.examples // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.rows(rows)

    def rows(self, indices: Any) -> Any:
        """The examples at these indices, in the form that Keras expects of a batch."""
        return keras.tree.map_structure(lambda array: array[indices], self.data)


def count_examples(data: Any) -> int:
    """Number of examples in a nest of arrays.

    Raises:
        ValueError: The arrays do not agree, or there are no examples.
    """
    counts = {len(array) for array in keras.tree.flatten(data)}
    if len(counts) != 1:
        raise ValueError(
            "All arrays must hold the same number of examples along their first axis; got "
            f"{' and '.join(map(str, sorted(counts)))}."
        )
    (count,) = counts
    if count == 0:
        raise ValueError("There are no examples: the arrays are empty.")
    return count
