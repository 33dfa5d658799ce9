"""A new fit takes a folder; an earlier run there is lost only once there is one to replace it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from kelbo.runs.folder import RunFolder
from kelbo.runs.outcomes import Interrupted
from kelbo.training import Checkpoint


class Claim(keras.callbacks.Callback):
    """The claim of a new fit on a folder.

    Where there is no run, the settings are written at once, so that the fit can be resumed however
    early it is stopped. An earlier run stays as it is until the new fit has written its first
    checkpoint, beside that of the run. A fit that breaks before its first checkpoint leaves
    everything as it was.

    It stands right after the checkpoint among the callbacks of the fit.

    Args:
        folder: The folder: one that may be taken, see `RunFolder.free`.
        write_settings: Writes the settings of the new fit into the folder.

    Attributes:
        checkpoint: The checkpoint of the new fit.
    """

    def __init__(self, folder: RunFolder, write_settings: Callable[[], None]):
        super().__init__()
        self._folder = folder
        self._write_settings = write_settings
        self.checkpoint = Checkpoint(
            folder.first_checkpoint if folder.holds_run else folder.checkpoint
        )

    @property
    def waits(self) -> bool:
        """Whether there is an earlier run, and nothing yet to replace it."""
        return self.checkpoint.path == self._folder.first_checkpoint

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder for the time of the fit.

        Raises:
            InputError: The folder holds other files than those of a run.
        """
        path = self._folder.path
        made = [folder for folder in (path, *path.parents) if not folder.exists()]
        if self.waits:
            self.checkpoint.path.unlink(missing_ok=True)  # of a process that was killed
        else:
            self._folder.take()
        try:
            if not self.waits:
                self._write_settings()
            yield
        except BaseException as error:
            if self.waits:
                self.checkpoint.path.unlink(missing_ok=True)
            elif not self.checkpoint.path.exists() and not isinstance(error, Interrupted):
                self._give_back(made)
            raise

    def _give_back(self, made: list[Path]) -> None:
        with contextlib.suppress(OSError):  # a person's files may be there by now
            self._folder.empty()
            for path in made:
                path.rmdir()

    def _replace(self) -> None:
        if self.waits and self.checkpoint.path.exists():
            self._folder.take()
            self._write_settings()
            self.checkpoint.path = self.checkpoint.path.replace(self._folder.checkpoint)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._replace()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._replace()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._replace()
