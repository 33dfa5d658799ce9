"""What makes a run a function of its seed: the order of examples and the noise of each epoch."""

from typing import Any

import keras
import numpy as np

from kelbo.training.batches import Batches

# Stands where the number of the epoch stands in the seeds of training.
_EVALUATION = 2**32 - 1


def seed_training(model: keras.Model, epoch: int) -> None:
    """Sets all seed generators of `model` from its seed and the number of the epoch, from 0."""
    _set_seeds(model, epoch)


def seed_evaluation(model: keras.Model) -> None:
    """Sets all seed generators of `model` to where every evaluation starts."""
    _set_seeds(model, _EVALUATION)


def _set_seeds(model, stream):
    states = [v for v in model.variables if "seed_generator" in v.path]
    for index, state in enumerate(states):
        drawn = np.random.default_rng([model.seed, stream, index]).integers(0, 2**31, 2)
        # The second entry counts the draws.
        state.assign(np.array([drawn[0], 0], dtype=state.dtype))


class EpochClock(keras.callbacks.Callback):
    """Begins each epoch with the order and the seeds that belong to it, and counts it at its end.

    Args:
        batches: The training examples.
        shuffle: Whether their order changes from epoch to epoch.
        offset: What to add to the epoch that Keras counts, so that a second `fit` goes on in
            the sequence instead of starting it again.
        rewind: Called with the new order; None where nothing else holds one.
    """

    def __init__(self, batches: Batches, shuffle: bool, offset: int, rewind: Any = None):
        super().__init__()
        self._batches = batches
        self._shuffle = shuffle
        self._offset = offset
        self._rewind = rewind

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._shuffle:
            self._batches.shuffle(self.model.seed, epoch + self._offset)
        if self._rewind is not None:
            self._rewind(self._batches.order)
        seed_training(self.model, epoch + self._offset)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.model.epochs_trained.assign(epoch + self._offset + 1)
