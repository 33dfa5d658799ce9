"""The progress of a fit on the screen."""

from collections.abc import Mapping

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kelbo.runs.callbacks import Throttle

_METRICS = {"loss": "loss", "reconstruction": "rec", "kl": "kl"}
_TIME_WIDTH = 8
_BAR_WIDTHS = (4, 30)  # least and greatest


def progress(console: Console) -> keras.callbacks.Callback:
    """A bar on a terminal that can redraw a line, plain lines elsewhere."""
    redraws = console.is_terminal and not console.is_dumb_terminal
    return ProgressBar(console) if redraws else ProgressLines(console)


class ProgressBar(keras.callbacks.Callback):
    """One line that shows the epoch, the time left and the latest figures.

    It is drawn by hand, at most eight times a second and by no thread of its own, so that it
    takes nothing from epochs of a few milliseconds. Where the terminal is narrow, the least
    important is left out: the bar, KL, reconstruction, the time left; epoch and loss stay.

    Args:
        console: Where it is drawn.
    """

    def __init__(self, console: Console):
        super().__init__()
        self._bar = Progress(
            TextColumn("{task.description}"),
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
        place, shown, bar_width, with_time = fitted(
            f"{epoch + 1}/{epochs}", self._latest, self._bar.console.width
        )
        columns = [TextColumn("{task.description}")]
        if bar_width:
            columns.append(BarColumn(bar_width))
        if with_time:
            columns.append(TimeRemainingColumn(compact=True))
        self._bar.columns = (*columns, TextColumn("{task.fields[figures]}"))
        self._bar.update(
            self._task[0],
            description=place,
            total=epochs - first,
            completed=epoch - first + share,
            figures=shown,
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


def fitted(place: str, logs: Mapping[str, float], width: int) -> tuple[str, str, int, bool]:
    """What of the progress fits into a line, the most important first.

    Args:
        place: Number of the epoch and of all, as "3/50".
        logs: The latest figures.
        width: Characters of the line.

    Returns:
        The place and the figures as they are written, the width of the bar (0 for none), and
        whether the time left is shown.

    Example:
        >>> logs = {"loss": 151.2, "val_loss": 153.4, "reconstruction": 146.0, "kl": 5.2}
        >>> fitted("3/50", logs, 30)
        ('epoch 3/50', 'loss 151.2/153.4', 0, False)
    """
    words = figures(logs).split("  ")
    parts = [["  ".join(words[:count]), f"epoch {place}"] for count in (3, 2, 1)]
    room = width - len(f"{parts[0][1]} {parts[0][0]}") - (_TIME_WIDTH + 1) - 1
    if room >= _BAR_WIDTHS[0]:
        return parts[0][1], parts[0][0], min(room, _BAR_WIDTHS[1]), True
    for shown, told in parts:
        if len(f"{told} {shown}") + 1 + _TIME_WIDTH <= width:
            return told, shown, 0, True
    loss = words[0]
    alone = loss.split("/")[0]
    for told, shown in (
        (f"epoch {place}", loss),
        (place, loss),
        (place, alone),
        (place, alone.removeprefix("loss ")),
    ):
        if len(f"{told} {shown}") <= width:
            return told, shown, 0, False
    return place, "", 0, False


def figures(logs: Mapping[str, float]) -> str:
    """Loss, reconstruction and divergence in words: of training / of validation."""
    parts = []
    for name, word in _METRICS.items():
        values = [f"{logs[key]:.1f}" for key in (name, f"val_{name}") if key in logs]
        if values:
            parts.append(f"{word} {'/'.join(values)}")
    return "  ".join(parts)
