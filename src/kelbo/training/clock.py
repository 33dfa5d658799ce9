"""What makes a run a function of its seed: the order of examples and the noise of each epoch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kelbo.keras_internals import layers_within, seed_generators

# Stands where the number of the epoch stands in the seeds of training.
_EVALUATION = 2**32 - 1


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators in `model`, whatever they are called."""
    generators = [g for layer in layers_within(model) for g in seed_generators(layer)]
    states = {id(generator.state) for generator in generators}
    return [variable for variable in model.variables if id(variable) in states]


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
        offset: What to add to the epoch that Keras counts, so that a second `fit` goes on in
            the sequence instead of starting it again.
        begin: Called with the number of each epoch as it begins, to set the order of the data;
            None where their order is not ours to set.
        assign: How a variable gets its value.
    """

    def __init__(
        self,
        offset: int,
        begin: Callable[[int], None] | None = None,
        assign: Callable[[keras.Variable, Any], None] = keras.Variable.assign,
    ):
        super().__init__()
        self._assign = assign
        self._begin = begin
        self._offset = offset

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        epoch += self._offset
        if self._begin is not None:
            self._begin(epoch)
        set_seeds(seed_states(self.model), self.model.seed, epoch, self._assign)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        count = self.model.epochs_trained
        self._assign(count, np.array(epoch + self._offset + 1, dtype=count.dtype))
