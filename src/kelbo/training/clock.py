"""What makes a run a function of its seed: the order of examples and the noise of each epoch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kelbo.training.batches import Batches

# Stands where the number of the epoch stands in the seeds of training.
_EVALUATION = 2**32 - 1


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators in `model`."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


def set_seeds(
    states: list[keras.Variable],
    seed: int,
    stream: int = _EVALUATION,
    assign: Callable[[keras.Variable, Any], None] = keras.Variable.assign,
) -> None:
    """Sets the states of seed generators.

    Args:
        states: As `seed_states` returns them.
        seed: The model's seed.
        stream: Number of the epoch, from 0; by default where every evaluation starts.
        assign: How a variable gets its value.
    """
    seeds = np.random.default_rng([seed, stream, 1]).integers(0, 2**31, len(states))
    for state, drawn in zip(states, seeds, strict=True):
        # The second entry counts the draws.
        assign(state, np.array([drawn, 0], dtype=state.dtype))


class EpochClock(keras.callbacks.Callback):
    """Begins each epoch with the order and the seeds that belong to it, and counts it at its end.

    Args:
        batches: The training examples.
        shuffle: Whether their order changes from epoch to epoch.
        offset: What to add to the epoch that Keras counts, so that a second `fit` goes on in
            the sequence instead of starting it again.
        rewind: Called with the new order; None where nothing else holds one.
        assign: How a variable gets its value.
    """

    def __init__(
        self,
        batches: Batches,
        shuffle: bool,
        offset: int,
        rewind: Callable[[np.ndarray], None] | None = None,
        assign: Callable[[keras.Variable, Any], None] = keras.Variable.assign,
    ):
        super().__init__()
        self._assign = assign
        self._batches = batches
        self._shuffle = shuffle
        self._offset = offset
        self._rewind = rewind
        self._seed_states = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._seed_states = seed_states(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        epoch += self._offset
        if self._shuffle:
            self._batches.shuffle(self.model.seed, epoch)
        if self._rewind is not None:
            self._rewind(self._batches.order)
        set_seeds(self._seed_states, self.model.seed, epoch, self._assign)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        count = self.model.epochs_trained
        self._assign(count, np.array(epoch + self._offset + 1, dtype=count.dtype))

    def on_train_end(self, logs: dict | None = None) -> None:
        self.model.epochs_trained.assign(self.model.epochs_trained.value)
