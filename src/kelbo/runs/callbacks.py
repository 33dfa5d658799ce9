"""What a run does while Keras trains.

The checkpoint saves and restores every number that a callback holds as an attribute. What must
not survive the process, such as a time, is therefore kept in an object of its own.
"""

import time

import keras

from kelbo.runs.folder import RunFolder
from kelbo.training import Checkpoint


class Throttle:
    """Says yes at most once in a given time.

    Args:
        seconds: That time.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._last = None

    def ready(self) -> bool:
        """Whether the time has passed since the last yes; the first answer is yes."""
        now = time.monotonic()
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True


class _Clock:
    def __init__(self):
        self.started = time.monotonic()


class EpochSeconds(keras.callbacks.Callback):
    """Adds the seconds that an epoch took, validation included, to its logs.

    Stands first, so that all others see them.
    """

    def __init__(self):
        super().__init__()
        self._clock = _Clock()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._clock = _Clock()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs["seconds"] = time.monotonic() - self._clock.started


class MetricsFile(keras.callbacks.Callback):
    """Keeps metrics.csv up to date while the fit runs, at most once in two seconds.

    Args:
        folder: The folder of the run.
        checkpoint: Holds the history.
    """

    def __init__(self, folder: RunFolder, checkpoint: Checkpoint):
        super().__init__()
        self._folder = folder
        self._checkpoint = checkpoint
        self._throttle = Throttle(2.0)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._checkpoint.history and self._throttle.ready():
            self._folder.write_metrics(self._checkpoint.history)
