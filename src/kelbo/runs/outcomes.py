"""How a fit may end other than well."""

from pathlib import Path


class Interrupted(Exception):
    """Ctrl-C stopped a fit; its state is kept.

    Attributes:
        path: The run folder.
        epoch: Number of the epoch at hand, from 1; None when the epochs were done.
    """

    def __init__(self, path: Path, epoch: int | None, begun: bool = True):
        where = "after the last epoch" if epoch is None else f"in epoch {epoch}"
        then = f"go on with: kelbo fit --resume {path}"
        if not begun:
            then = f"nothing had been saved yet, and the earlier run in {path} is as it was"
        super().__init__(f"interrupted {where}; {then}")
        self.path, self.epoch = path, epoch


class Diverged(FloatingPointError):
    """The loss became NaN or infinite; the last good state is kept.

    Attributes:
        path: The run folder.
        epoch: Number of the epoch, from 1.
        step: Number of the step within the epoch, from 1.
    """

    def __init__(self, path: Path, epoch: int, step: int, checkpoint: Path | None):
        kept = "nothing had been saved yet"
        if checkpoint is not None:
            kept = f"{checkpoint} keeps the last good state"
        super().__init__(
            f"the loss became NaN or infinite in epoch {epoch} at step {step}; {kept}; fit again "
            "with a smaller --learning-rate, with --clip-norm 1, or a larger "
            "--posterior-minimum-scale"
        )
        self.path, self.epoch, self.step = path, epoch, step
