"""A fit, from settings to the files of a run."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from kelbo.datasets import Dataset
from kelbo.errors import InputError
from kelbo.models import VAE
from kelbo.runs.building import build_model
from kelbo.runs.callbacks import EpochSeconds, MetricsFile
from kelbo.runs.claim import Claim
from kelbo.runs.config import FitConfig
from kelbo.runs.data import load_data, require_trainable, settled_epochs
from kelbo.runs.fingerprint import require_same_data, write_fingerprint
from kelbo.runs.folder import RunFolder, next_folder
from kelbo.runs.likelihoods import remarks, settle
from kelbo.runs.memory import enough_memory
from kelbo.runs.outcomes import Diverged, Interrupted
from kelbo.runs.outputs import write_outputs
from kelbo.training import Checkpoint, NonFiniteLossError


def _silent(message: str) -> None:
    pass


@dataclasses.dataclass(frozen=True)
class FitResult:
    """What a fit left.

    Attributes:
        path: The run folder.
        model: The trained model.
        summary: The content of summary.json.
        history: Figures per epoch, by name.
    """

    path: Path
    model: VAE
    summary: dict[str, Any]
    history: dict[str, list[float]]


def fit(
    config: FitConfig,
    out: str | os.PathLike | None = None,
    *,
    force: bool = False,
    command: str = "",
    say: Callable[[str], None] = _silent,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> FitResult:
    """Fits a VAE and leaves model, settings, figures, pictures and report in a folder.

    Everything that a person may have got wrong is found before anything is written. An earlier
    run in the folder stays until the new one has written its first checkpoint; a fit that breaks
    before that leaves everything as it was.

    Args:
        config: What to do.
        out: The folder; None takes runs/NAME, or runs/NAME-2 and so on where that is taken.
        force: Whether an earlier run in `out` may be replaced; other files never are.
        command: What was typed, for the record.
        say: Called with lines for a person.
        callbacks: More Keras callbacks.

    Returns:
        The result.

    Raises:
        InputError: The data or settings cannot be used, the folder is taken, or there is not
            enough memory.
        Interrupted: Ctrl-C; the state is kept.
        Diverged: The loss became NaN or infinite.

    Example:
        >>> from kelbo import runs
        >>> config = runs.FitConfig(data="digits", epochs=2)
        >>> result = runs.fit(config, "runs/example")  # doctest: +SKIP
        >>> sorted(result.summary["validation"])  # doctest: +SKIP
        ['kl', 'loss', 'reconstruction']
    """
    config = config.anchored()
    if out is not None:
        RunFolder.free(out, force)
    job = _prepare(config)
    folder = RunFolder.free(next_folder(job.data.name) if out is None else out, force)

    def write_settings() -> None:
        job.config.to_yaml(folder.config)
        write_fingerprint(folder.data, job.data)

    claim = Claim(folder, write_settings)
    with claim.held():
        _announce(job, folder, say)
        return _run(job, folder, claim.checkpoint, command, say, callbacks, claim)


def resume(
    path: str | os.PathLike,
    given: Mapping[str, Any] | None = None,
    *,
    command: str = "",
    say: Callable[[str], None] = _silent,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> FitResult:
    """Goes on with a fit that was interrupted or killed, or has more epochs to do now.

    It ends with the same weights as a fit that was never stopped. Of a fit that has ended, only
    missing files are written.

    Args:
        path: The run folder.
        given: Settings that were given again; they must be those of the run. Only `epochs` may
            be more.
        command: What was typed, for the record.
        say: Called with lines for a person.
        callbacks: More Keras callbacks, of the same classes in the same order as before.

    Returns:
        The result.

    Raises:
        InputError: There is no such run, the settings or the data differ, or its checkpoint is
            damaged.
        Interrupted: Ctrl-C; the state is kept.
        Diverged: The loss became NaN or infinite.

    Example:
        >>> from kelbo import runs
        >>> result = runs.resume("runs/example", {"epochs": 4})  # doctest: +SKIP
    """
    folder = RunFolder.existing(path)
    kept = FitConfig.from_yaml(folder.config)
    config = _agreed(kept, given or {}, path)
    if folder.model.exists() and not folder.checkpoint.exists():
        raise InputError(
            f"{folder.checkpoint}: is missing, so the fit cannot go on; start again with --force"
        )
    job = _prepare(config)
    require_same_data(folder.data, job.data)
    checkpoint = Checkpoint(folder.checkpoint)
    checkpoint.restore(job.model)  # refuses a damaged file before anything is touched
    folder.remove_leftovers()
    folder.first_checkpoint.unlink(missing_ok=True)
    if job.config != kept:
        job.config.to_yaml(folder.config)
    if not folder.data.exists():  # a run of an earlier version: known from now on
        write_fingerprint(folder.data, job.data)
    _announce(job, folder, say)
    return _run(job, folder, checkpoint, command, say, callbacks)


@dataclasses.dataclass(frozen=True)
class _Job:
    """All that is known before the first step: settings, data, and the untrained model."""

    config: FitConfig
    data: Dataset
    model: VAE


def _prepare(config: FitConfig) -> _Job:
    data = load_data(config)
    require_trainable(data, config)
    config = config.replace(epochs=settled_epochs(config, data))
    return _Job(config, data, build_model(config, data))


def _announce(job: _Job, folder: RunFolder, say: Callable[[str], None]) -> None:
    data, settled = job.data, settle(job.config, job.data)
    held_out = 0 if data.x_test is None else len(data.x_test)
    say(
        f"{data.name}: {len(data.x_train)} training and {held_out} validation examples of shape "
        f"{data.event_shape}, {settled.likelihood} likelihood"
    )
    for remark in remarks(settled, data):
        say(f"note: {remark}")
    say(f"run folder: {folder.path}")


def _run(
    job: _Job,
    folder: RunFolder,
    checkpoint: Checkpoint,
    command: str,
    say: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
    claim: Claim | None = None,
) -> FitResult:
    trained = False
    try:
        with enough_memory():
            after = [] if claim is None else [claim]
            _train(job, folder, checkpoint, say, [*callbacks, checkpoint, *after])
        trained = True
        if job.model.interrupted:  # during the last validation, when no step followed to hear it
            raise KeyboardInterrupt
        with enough_memory(f"the trained model is kept; free some and fit --resume {folder.path}"):
            summary = write_outputs(
                folder, job.model, job.config, job.data, checkpoint.history, command, say
            )
    except KeyboardInterrupt:
        epoch = None if trained else len(checkpoint.history.get("loss", ())) + 1
        raise Interrupted(folder.path, epoch, claim is None or not claim.waits) from None
    except NonFiniteLossError as error:
        kept = checkpoint.path if checkpoint.path.exists() else None
        raise Diverged(folder.path, error.epoch, error.step, kept) from None
    return FitResult(folder.path, job.model, summary, checkpoint.history)


def _train(
    job: _Job,
    folder: RunFolder,
    checkpoint: Checkpoint,
    say: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains until all epochs are done or early stopping ends it; nothing where that is so."""
    config, data, model = job.config, job.data, job.model
    done = checkpoint.restore(model)
    stalled = config.patience is not None and _stalled(checkpoint.history, config.patience)
    epochs = done if stalled else config.epochs
    if checkpoint.finished and done >= epochs:
        why = f": no better validation loss in {config.patience} epochs" if stalled else ""
        say(f"the fit has ended after {done} epochs{why}; only missing files are written")
        return
    if done:
        say(f"going on after epoch {done}")
    stopping = []
    if config.patience is not None:
        stopping = [
            keras.callbacks.EarlyStopping(
                "val_loss", patience=config.patience, mode="min", restore_best_weights=True
            )
        ]
    # The checkpoint finds the counters of early stopping by its place: first, whatever follows.
    observers = [EpochSeconds(), *stopping, MetricsFile(folder, checkpoint), *callbacks]
    try:
        model.fit(
            data.x_train,
            batch_size=config.batch_size,
            epochs=epochs,
            initial_epoch=done,
            validation_data=None if data.x_test is None else (data.x_test,),
            callbacks=observers,
            verbose=0,
        )
    finally:
        if checkpoint.history and checkpoint.path == folder.checkpoint:
            folder.write_metrics(checkpoint.history)


def _stalled(history: Mapping[str, Sequence[float]], patience: int) -> bool:
    """Whether early stopping has ended the fit: its rule, applied to the history."""
    best, waited = None, 0
    for loss in history.get("val_loss", ()):
        waited += 1
        if best is None or loss < best:
            best, waited = loss, 0
    return waited >= patience


def _agreed(kept: FitConfig, given: Mapping[str, Any], path: str | os.PathLike) -> FitConfig:
    """The settings of the run, with more epochs where more are given."""
    asked = kept.replace(**given).anchored()
    for name in given:
        old, new = getattr(kept, name), getattr(asked, name)
        if name == "epochs" and new is not None and old is not None and new >= old:
            continue
        if new != old:
            rule = "epochs may only grow" if name == "epochs" else "its settings stay as they are"
            raise InputError(
                f"{name}: the run {path} has {old}, got {new}; {rule} when it is resumed"
            )
    return asked
