"""Data that come batch by batch: what Keras takes, each batch through the same door as arrays."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kelbo.training.loop.batches import Pass, passes_of_epoch, place_of_step


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


@dataclass(frozen=True, eq=False)
class Stream:
    """Data that come batch by batch, ready for Keras.

    Attributes:
        source: What to give to Keras.
        begin_epoch: Called with the number of an epoch and the seed of its order, as it begins.
        counts_steps: Whether the source ends an epoch by itself after `steps` batches.
        checks: Whether what the check makes of a batch is what Keras is given.
        refused: What the check raised.
    """

    source: Any
    begin_epoch: Callable[[int, int | None], None]
    counts_steps: bool = False
    checks: bool = False
    refused: Sequence[Exception] = ()

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """In the block, what the check refused is what is raised, however it was wrapped."""
        try:
            yield
        except Exception as error:
            if self.refused and error is not self.refused[-1]:
                raise self.refused[-1] from None
            raise


def checked(source: Any, check: Callable[[Any], Any], steps: int | None = None) -> Stream:
    """A stream of batches as Keras takes it, each batch checked where Python makes it.

    Args:
        source: A `PyDataset`, a generator or another iterator, a `tf.data.Dataset`, a `DataLoader`.
        check: Makes of a batch what Keras takes.
        steps: Batches per epoch; None for all there are.

    Returns:
        The stream.
    """
    refused = []  # for where a library hides it in an error of its own
    check = _Noting(check, refused)
    if isinstance(source, keras.utils.PyDataset):
        dataset = CheckedDataset(source, check, steps)
        counts = steps is not None and dataset.num_batches is not None
        return Stream(dataset, dataset.begin_epoch, counts, True, refused)
    if hasattr(source, "__next__"):
        supply = _Supply(source, check, steps)
        return Stream(supply.batches(), supply.begin_epoch, checks=True, refused=refused)
    if hasattr(source, "collate_fn") and hasattr(source, "batch_sampler"):
        source = _looked_at_loader(source, check)
    elif hasattr(source, "element_spec"):
        source = _looked_at_dataset(source, check)
    return Stream(source, lambda epoch, seed: None, refused=refused)


class _Noting:
    """The check, which keeps what it raises."""

    def __init__(self, check, refused):
        self._check, self._refused = check, refused

    def __call__(self, batch):
        try:
            return self._check(batch)
        except Exception as error:
            self._refused.append(error)
            raise


def _looked_at_loader(loader, look):
    """A loader of PyTorch that looks at each batch in the process that trains."""
    loader = copy.copy(loader)
    # Keras takes the rows of a batch that is one tensor for its arrays.
    loader.collate_fn = _InTuple(loader.collate_fn)
    kind = type(loader)

    class Looking(kind):
        def __iter__(self):
            for batch in kind.__iter__(self):
                look(batch)
                yield batch

    loader.__class__ = Looking
    return loader


def _looked_at_dataset(dataset, look):
    """A `tf.data.Dataset` that looks at each batch on the host.

    An iterator of our own would draw another order of what is shuffled, and read twice what is read
    once.
    """
    import tensorflow as tf  # what made the dataset

    spec = dataset.element_spec
    for part in tf.nest.flatten(spec):
        if not isinstance(part, tf.TensorSpec):
            kind = type(part).__name__.removesuffix("Spec")
            raise ValueError(
                f"A batch of the tf.data.Dataset holds a {kind}; expected x, (x, y) or (x, y, "
                "sample_weight) of dense tensors, x one or a dict of them: make them of it by the "
                "dataset's map."
            )

    def looked_at(*parts):
        batch = parts if isinstance(spec, tuple) else parts[0]

        def on_host(*arrays):
            look(tf.nest.pack_sequence_as(batch, arrays))
            return True

        is_fine = tf.numpy_function(on_host, tf.nest.flatten(batch), tf.bool)
        with tf.control_dependencies([is_fine]):
            return tf.nest.map_structure(tf.identity, batch)

    return dataset.map(looked_at)


class _Supply:
    """An iterator, and how much of it is left: Keras would give its first batches again."""

    def __init__(self, source, check, steps):
        self._source, self._check, self._steps = source, check, steps
        self._given, self._epochs, self._has_ended = 0, 0, False

    def batches(self):
        for batch in self._source:
            self._given += 1
            yield self._check(batch)
        self._has_ended = True

    def begin_epoch(self, epoch, seed):
        used = self._given if self._steps is None else self._epochs * self._steps
        if self._epochs and self._has_ended and used >= self._given:
            raise ValueError(
                f"The data ended before epoch {self._epochs + 1} of this fit: an iterator is read "
                "once. Give steps_per_epoch, of an iterator that goes on, or a "
                "keras.utils.PyDataset, which is read anew in each epoch."
            )
        self._epochs += 1


class _InTuple:
    """A function of samples, with what it returns in a tuple; workers can be sent it."""

    def __init__(self, collate):
        self._collate = collate

    def __call__(self, samples):
        batch = self._collate(samples)
        return tuple(batch) if isinstance(batch, list | tuple) else (batch,)
