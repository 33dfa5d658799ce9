"""The progress of a fit on the screen."""

from collections.abc import Mapping

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kelbo.runs.callbacks import Throttle

_METRICS = {"loss": "loss", "reconstruction": "rec", "kl": "kl"}
_TEXT_WIDTH = 74  # what the other columns of the bar take with figures of three digits


def progress(console: Console) -> keras.callbacks.Callback:
    """A bar on a terminal, plain lines elsewhere."""
    return ProgressBar(console) if console.is_terminal else ProgressLines(console)


class ProgressBar(keras.callbacks.Callback):
    """One line that shows the epoch, the time left and the latest figures.

    It is drawn by hand, at most eight times a second and by no thread of its own, so that it
    takes nothing from epochs of a few milliseconds.

    Args:
        console: Where it is drawn.
    """

    def __init__(self, console: Console):
        super().__init__()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=min(max(console.width - _TEXT_WIDTH, 4), 30)),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}"),
            console=console,
            auto_refresh=False,
        )
        self._task = [None]  # not a number, which the checkpoint would carry to another process
        self._latest: dict[str, float] = {}
        self._throttle = Throttle(0.125)
        self._place: dict[str, int] = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._task[0] = self._bar.add_task("", total=None, figures="compiling ...")
        self._bar.start()
        self._bar.refresh()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if "first" not in self._place:
            self._place["first"] = epoch
        self._place["epoch"] = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._throttle.ready():
            self._note(logs)
            self._draw((batch + 1) / (self.params["steps"] or batch + 1))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._throttle.ready() or epoch + 1 == self.params["epochs"]:
            self._note(logs)
            self._draw(1.0)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the line as it is."""
        self._bar.stop()

    def _note(self, logs: Mapping | None) -> None:
        self._latest.update({name: float(value) for name, value in (logs or {}).items()})

    def _draw(self, share: float) -> None:
        epoch, epochs = self._place["epoch"], self.params["epochs"]
        first = self._place["first"]
        self._bar.update(
            self._task[0],
            description=f"epoch {epoch + 1}/{epochs}",
            total=epochs - first,
            completed=epoch - first + share,
            figures=figures(self._latest),
        )
        self._bar.refresh()


class ProgressLines(keras.callbacks.Callback):
    """A line for an epoch, at most one in two seconds, and one for the last.

    Args:
        console: Where they are printed.
    """

    def __init__(self, console: Console):
        super().__init__()
        self._console = console
        self._throttle = Throttle(2.0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if self._throttle.ready() or last:
            line = f"epoch {epoch + 1}/{self.params['epochs']}  {figures(logs or {})}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing is left open."""


def figures(logs: Mapping[str, float]) -> str:
    """Loss, reconstruction and divergence in words: of training / of validation."""
    parts = []
    for name, word in _METRICS.items():
        values = [f"{logs[key]:.1f}" for key in (name, f"val_{name}") if key in logs]
        if values:
            parts.append(f"{word} {'/'.join(values)}")
    return "  ".join(parts)
