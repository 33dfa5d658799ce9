"""Data that come batch by batch: what Keras takes, each batch through the same door as arrays."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kelbo.training.batches import Pass, passes_of_epoch, place_of_step


class CheckedDataset(keras.utils.PyDataset):
    """A `keras.utils.PyDataset` whose batches are checked, in an order of epoch and seed.

    Args:
        dataset: What a person wrote.
        check: Makes of a batch what Keras takes.
        steps: Batches per epoch; None for one pass.
    """

    def __init__(
        self, dataset: keras.utils.PyDataset, check: Callable[[Any], Any], steps: int | None = None
    ):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self._dataset = dataset
        self._check = check
        self._steps = steps
        self._passes: list[Pass] | None = None

    @property
    def num_batches(self) -> int | None:
        """Batches per epoch; None where the dataset has no end."""
        per_pass = self._dataset.num_batches
        return per_pass if per_pass is None or self._steps is None else self._steps

    def begin_epoch(self, epoch: int, seed: int | None) -> None:
        """Sets the order of the batches of one epoch; see `Batches.begin_epoch`."""
        count = self._dataset.num_batches
        if count:
            self._passes = passes_of_epoch(epoch, self._steps or count, count, count, seed)

    def __getitem__(self, index: int) -> Any:
        if self._passes is not None:
            order, place = place_of_step(self._passes, index)
            index = int(order[place])
        return self._check(self._dataset[index])

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(self.num_batches))

    def on_epoch_begin(self) -> None:
        """Tells the dataset."""
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the dataset."""
        self._dataset.on_epoch_end()


def checked(source: Any, check: Callable[[Any], Any], steps: int | None = None) -> Any:
    """A stream of batches as Keras takes it, each batch checked where Python makes it.

    Args:
        source: A `PyDataset`, a generator or another iterator, a `tf.data.Dataset`, a `DataLoader`.
        check: Makes of a batch what Keras takes.
        steps: Batches per epoch; None for all there are.

    Returns:
        What to give to Keras.
    """
    if isinstance(source, keras.utils.PyDataset):
        return CheckedDataset(source, check, steps)
    if hasattr(source, "__next__"):
        return (check(batch) for batch in source)
    if hasattr(source, "collate_fn") and hasattr(source, "batch_sampler"):
        # Keras takes the rows of a batch that is one tensor for its arrays.
        source = copy.copy(source)
        source.collate_fn = _InTuple(source.collate_fn)
    return source


class _InTuple:
    """A function of samples, with what it returns in a tuple; workers can be sent it."""

    def __init__(self, collate):
        self._collate = collate

    def __call__(self, samples):
        batch = self._collate(samples)
        return tuple(batch) if isinstance(batch, list | tuple) else (batch,)
