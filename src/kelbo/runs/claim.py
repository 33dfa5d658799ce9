"""A new fit takes a folder; an earlier run there is lost only once there is one to replace it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from kelbo.errors import InputError
from kelbo.runs.folder import RunFolder
from kelbo.runs.lock import locked
from kelbo.runs.outcomes import Interrupted
from kelbo.training import Checkpoint
from kelbo.training.checkpoint_file import read_checkpoint


class Claim(keras.callbacks.Callback):
    """The claim of a new fit on a folder.

    Where there is no run, the settings are written at once, so that the fit can be resumed however
    early it is stopped. An earlier run stays as it is until the new fit has written its first
    checkpoint, beside that of the run. A fit that breaks before its first checkpoint leaves
    everything as it was.

    It stands right after the checkpoint among the callbacks of the fit.

    Args:
        folder: The folder: one that may be taken, see `RunFolder.free`.
        write_settings: Writes the settings of the new fit into the folder, those that make it a
            run of this fit last.
        run: The name of the fit.
        settings: Its settings, which the checkpoint keeps.

    Attributes:
        checkpoint: The checkpoint of the new fit.
    """

    def __init__(
        self,
        folder: RunFolder,
        write_settings: Callable[[], None],
        run: str,
        settings: Mapping[str, Any],
    ):
        super().__init__()
        self._folder = folder
        self._write_settings = write_settings
        path = folder.first_checkpoint if folder.holds_run else folder.checkpoint
        self.checkpoint = Checkpoint(path, run=run, settings=settings)

    @property
    def waits(self) -> bool:
        """Whether there is an earlier run, and nothing yet to replace it."""
        return self.checkpoint.path == self._folder.first_checkpoint

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder, which is locked, for the time of the fit.

        Raises:
            InputError: The folder holds other files than those of a run.
        """
        RunFolder.free(self._folder.path, force=True)
        if self.waits:
            self.checkpoint.path.unlink(missing_ok=True)  # of a process that was killed
        else:
            self._folder.empty()
        try:
            if not self.waits:
                self._write_settings()
            yield
        except BaseException as error:
            if self.waits:
                self.checkpoint.path.unlink(missing_ok=True)
            elif not self.checkpoint.path.exists() and not isinstance(error, Interrupted):
                with contextlib.suppress(OSError):
                    self._folder.empty()
            raise

    def _replace(self) -> None:
        if self.waits and self.checkpoint.path.exists():
            self._write_settings()  # from here on this is the new run, see `finish_replacement`
            self.checkpoint.path = replace_run(self._folder)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._replace()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._replace()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._replace()


def replace_run(folder: RunFolder) -> Path:
    """Puts the first checkpoint of the fit whose settings are here in the place of an earlier run.

    Args:
        folder: The folder.

    Returns:
        The checkpoint.
    """
    folder.empty(but=(folder.config, folder.data))
    return folder.first_checkpoint.replace(folder.checkpoint)


def finish_replacement(folder: RunFolder) -> None:
    """Does what a process that was killed while it replaced a run had still to do.

    A first checkpoint of another fit than that of the settings replaces nothing: it goes.

    Args:
        folder: The folder of a run; nobody else works there.
    """
    first = folder.first_checkpoint
    if not first.exists():
        return
    try:
        meta, _ = read_checkpoint(first)
    except InputError:
        meta = {"run": None}
    if folder.run is not None and meta["run"] == folder.run:
        replace_run(folder)
    else:
        first.unlink()


@contextlib.contextmanager
def working_in(folder: RunFolder, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Makes a folder where there is none, and keeps all other processes from writing there.

    A folder that was made, and is empty when the block ends in an error, goes again.

    Args:
        folder: The folder.
        command: What is being done, for those who come too late.
        say: Called with lines for a person.

    Raises:
        InputError: Another process works in the folder.
    """
    path = folder.path
    made = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder.lock, command, say):
            yield
    except BaseException:
        with contextlib.suppress(OSError):  # a person's files may be there by now
            for each in made:
                each.rmdir()
        raise
