"""A fit, from settings to the files of a run."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from kelbo.datasets import Dataset
from kelbo.errors import InputError
from kelbo.interruption import raised_again
from kelbo.models import VAE
from kelbo.runs.agreement import agreed, require_settings
from kelbo.runs.building import build_model
from kelbo.runs.callbacks import EpochSeconds, MetricsFile
from kelbo.runs.claim import Claim, finish_replacement, working_in
from kelbo.runs.config import FitConfig
from kelbo.runs.data import (
    load_data,
    require_trainable,
    settled_batch_size,
    settled_epochs,
    settled_origin,
)
from kelbo.runs.fingerprint import is_fingerprint_of, require_same_data, write_fingerprint
from kelbo.runs.folder import RunFolder, next_folder
from kelbo.runs.likelihoods import remarks, settle
from kelbo.runs.lock import InUse, require_unlocked
from kelbo.runs.memory_need import enough_memory
from kelbo.runs.outcomes import Diverged, Interrupted
from kelbo.runs.outputs import write_outputs
from kelbo.runs.record import new_run
from kelbo.runs.scaling import SAID
from kelbo.training import Checkpoint, NonFiniteLossError
from kelbo.training.checkpoint_file import read_checkpoint


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
        require_unlocked(RunFolder(Path(out)).lock)
    job = _prepare(config)
    run = new_run()
    with contextlib.ExitStack() as stack:
        folder = _taken(job, out, force, stack, command, say)

        def write_settings() -> None:
            write_fingerprint(folder.data, job.data, run)
            folder.write_settings(job.config, run)

        claim = Claim(folder, write_settings, run, job.config.as_dict())
        stack.enter_context(claim.held())
        _announce(job, folder, say)
        return _run(job, folder, claim.checkpoint, command, say, callbacks, claim)


def _taken(job, out, force, stack, command, say):
    """The folder of a new run, locked; where none is given, the first that nobody else takes."""
    if out is not None:
        folder = RunFolder.free(out, force)
        stack.enter_context(working_in(folder, command, say))
        return folder
    while True:
        folder = RunFolder.free(next_folder(job.data.name))
        try:
            stack.enter_context(working_in(folder, command, say))
        except InUse:
            continue  # since we looked
        if folder.is_empty:
            return folder
        stack.close()


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
    files are written that are missing, damaged, or of another fit.

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
    with working_in(folder, command, say):
        return _resumed(folder, given or {}, command, say, callbacks)


def _resumed(folder, given, command, say, callbacks):
    kept = FitConfig.from_yaml(folder.config)
    config = agreed(kept, given, folder.path)
    finish_replacement(folder)
    if folder.model.exists() and not folder.checkpoint.exists():
        raise InputError(
            f"{folder.checkpoint}: is missing, so the fit cannot go on; {_again(folder)}"
        )
    require_settings(kept, _settings_of(folder), folder.config)  # before a model is made of them
    job = _prepare(config)
    require_same_data(folder.data, job.data, folder.run)
    checkpoint = Checkpoint(folder.checkpoint, run=folder.run, settings=job.config.as_dict())
    try:
        checkpoint.restore(job.model)  # refuses a damaged file before anything is touched
    except InputError as error:
        raise InputError(f"{error} What to do: {_again(folder)}") from None
    if len({len(values) for values in checkpoint.history.values()}) > 1:
        raise InputError(f"{folder.checkpoint}: its history is damaged; {_again(folder)}")
    folder.remove_leftovers()
    if folder.run is None:  # of an earlier version: known from now on
        checkpoint.run = checkpoint.run or new_run()
    if job.config != kept or folder.run is None:
        folder.write_settings(job.config, checkpoint.run)
    if not is_fingerprint_of(folder.data, folder.run):
        write_fingerprint(folder.data, job.data, folder.run)
    _announce(job, folder, say)
    return _run(job, folder, checkpoint, command, say, callbacks)


def _settings_of(folder):
    """The settings that the checkpoint of the fit keeps; None where there are none."""
    try:
        meta, _ = read_checkpoint(folder.checkpoint)
    except InputError:  # said when it is restored, as is one of another fit
        return None
    return meta["settings"] if meta["run"] == folder.run else None


def _again(folder: RunFolder) -> str:
    """What to do where there is no state from which the fit could go on."""
    then = f"fit again with: kelbo fit --config {folder.config} --out {folder.path} --force"
    if folder.model.exists():
        then += f" ({folder.model} can be used until then)"
    return then


@dataclasses.dataclass(frozen=True)
class _Job:
    """All that is known before the first step: settings, data, and the untrained model."""

    config: FitConfig
    data: Dataset
    model: VAE


def _prepare(config: FitConfig) -> _Job:
    data = load_data(config)
    require_trainable(data, config)
    config = config.replace(
        epochs=settled_epochs(config, data), origin=settled_origin(config, data)
    )
    return _Job(config, data, build_model(config, data))


def _announce(job: _Job, folder: RunFolder, say: Callable[[str], None]) -> None:
    data, settled = job.data, settle(job.config, job.data)
    held_out = 0 if data.x_test is None else len(data.x_test)
    say(
        f"{data.name}: {len(data.x_train)} training and {held_out} validation examples of shape "
        f"{data.event_shape}, {settled.likelihood} likelihood"
    )
    for remark in data.remarks:
        say(f"data: {remark}")
    if settled.scale != "none":
        say(
            f"scale: {settled.scale}, to {SAID[settled.scale]}; figures and pictures are in the "
            "units of the data"
        )
    batch = settled_batch_size(job.config, data)
    if batch < job.config.batch_size:
        say(f"batch size: {batch}, all training examples, instead of {job.config.batch_size}")
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
        then = f"the trained model is kept; free some and fit --resume {folder.path}"
        with enough_memory(then), raised_again():
            summary = write_outputs(
                folder, job.model, job.config, job.data, checkpoint.history, command, say
            )
    except KeyboardInterrupt:
        done = len(checkpoint.history.get("loss", ()))
        epoch = None if trained or done >= job.config.epochs else done + 1
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
        then = "only what is missing or damaged is written"
        say(f"the fit has ended after {done} epochs{why}; {then}")
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
            data.train,
            batch_size=settled_batch_size(config, data),
            epochs=epochs,
            initial_epoch=done,
            validation_data=None if data.x_test is None else (data.test,),
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
