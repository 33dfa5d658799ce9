"""What may end a fit early: a loss that is not a number, and a person."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras


def first_non_finite(logs: Mapping[str, Any] | None, losses: Sequence[str]) -> str | None:
    """The first of the losses that is among the logs and not finite, or None.

    Args:
        logs: What a step reports, by name.
        losses: Names of losses.
    """
    found = (name for name in losses if not math.isfinite(float((logs or {}).get(name, 0.0))))
    return next(found, None)


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite, and `fit` (or `train_on_batch`) stopped.

    Attributes:
        epoch: Number of the epoch, from 1; None for a step that belongs to no fit.
        step: Number of the step within the epoch, from 1, or None.
        loss: Name of the loss among the logs.
    """

    def __init__(self, epoch: int | None = None, step: int | None = None, loss: str = "loss"):
        where = "in this step" if epoch is None else f"in epoch {epoch} at step {step}"
        super().__init__(
            f"The {loss.replace('_', ' ')} became NaN or infinite {where}. Try a smaller "
            "learning rate, a floor under the scale (minimum_scale), gradient clipping "
            "(clipnorm in the optimizer), or look for outliers in the data. Batches that a "
            "tf.data set or a DataLoader makes are not checked: look there for NaN too, and for "
            "values that the distribution does not take."
        )
        self.epoch, self.step, self.loss = epoch, step, loss


class Watch(keras.callbacks.Callback):
    """Ends a fit or an evaluation between two compiled calls, when the model is whole.

    Stands last in the list, so that the other callbacks have seen the step. Raises
    `NonFiniteLossError` at the first step whose loss is not finite, and `KeyboardInterrupt` once
    the model's `interrupted` is set.
    """

    def __init__(self):
        super().__init__()
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        broken = first_non_finite(logs, self.model.loss_names)
        if broken is not None:
            step, loss = self.model.first_broken or (batch, broken)
            raise NonFiniteLossError(self._epoch + 1, step + 1, loss)
        self._listen()

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._listen()

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._listen()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._listen()

    def _listen(self):
        if self.model.interrupted:
            raise KeyboardInterrupt
