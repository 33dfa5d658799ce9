"""What is done with a trained model: evaluate, encode, sample, reconstruct, plot again."""

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kelbo import plots
from kelbo.datasets import Dataset
from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.interruption import held_back
from kelbo.parts import number_of_rows, rows_of
from kelbo.runs import figures
from kelbo.runs.claim import working_in
from kelbo.runs.config import FitConfig
from kelbo.runs.data import examples, without_context
from kelbo.runs.folder import RunFolder, require_pictures
from kelbo.runs.loading import Run, as_arrays
from kelbo.runs.output_files import CODES, RECONSTRUCTIONS, SAMPLES, output_path
from kelbo.runs.outputs import write_pictures, write_report
from kelbo.runs.pictures import draw_reconstructions, draw_samples, drawers
from kelbo.runs.record import require_held
from kelbo.runs.verdict import run_verdict

_SHOWN, _SAMPLES, _OF_EACH = 30, 64, 10


def evaluate(
    run: Run, data: Dataset, part: str = "validation", samples: int = 1000, most: int | None = None
) -> dict[str, Any]:
    """Bound and log-likelihood of data under the model of a run, in nats per example.

    Args:
        run: The run.
        data: The data; see `Run.data`.
        part: "train", "validation" or "all".
        samples: Importance samples per example; 0 skips the log-likelihood.
        most: At most so many examples for the log-likelihood; None for all.

    Returns:
        `loss`, `reconstruction`, `kl`, `examples`, with samples `log_likelihood`, and `verdict`.
    """
    x, _ = examples(data, part)
    config = run.config or FitConfig()
    bound = figures.bound(run.model, x, config.batch_size)
    result: dict[str, Any] = {**bound, "examples": number_of_rows(x)}
    found = None
    if samples:
        found = figures.estimate(run.model, x, samples, most, config.seed)
        result["log_likelihood"] = figures.log_likelihood(found)
    verdict = run_verdict(run.path, run.model, config, x, estimate=found, **_of_the_fit(run))
    return {**result, "verdict": verdict.as_dict()}


def _of_the_fit(run):
    """What the files of a fit say of it, where they are there and whole."""
    folder = RunFolder(run.path)
    try:
        history, summary = folder.read_metrics(), folder.read_summary()
    except InputError:
        return {"history": None}
    return {
        "history": history,
        "epoch_of_weights": summary.get("epoch_of_weights"),
        "start": summary.get("loss_before_training"),
    }


def encode(run: Run, data: Dataset, out: str | os.PathLike, part: str = "all") -> Path:
    """Writes the posterior's mean and standard deviation of every example.

    Args:
        run: The run.
        data: The data; see `Run.data`.
        out: A .npz file of arrays `mean`, `stddev` and, where there are any, `labels`; or a .csv
            file with a row per example.
        part: "train", "validation" or "all".

    Returns:
        The file.

    Raises:
        InputError: `out` cannot be written.
    """
    path = output_path(out, CODES)
    x, labels = examples(data, part)
    mean, stddev = as_arrays(run.model.encode(x))
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npz":
            arrays = {"mean": mean, "stddev": stddev}
            if labels is not None:
                arrays["labels"] = labels
            with open(temporary, "wb") as file:
                np.savez(file, **arrays)
        else:
            _write_codes(temporary, mean, stddev, labels)
    return path


def _write_codes(path, mean, stddev, labels):
    dimensions = range(1, mean.shape[1] + 1)
    header = [f"mean_{d}" for d in dimensions] + [f"stddev_{d}" for d in dimensions]
    rows = np.concatenate([mean, stddev], axis=1)
    if labels is not None:
        header.append("label")
        rows = ([*row, label] for row, label in zip(rows, labels, strict=True))
    _write_rows(path, header, rows)


def _write_rows(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _column_names(run, out):
    """Names for the values of an example; a table has no place for pictures."""
    shape = run.model.likelihood.event_shape
    if len(shape) != 1:
        raise InputError(f"out: {out} can hold rows of numbers, but examples have shape {shape}")
    return run.feature_names or tuple(f"x{i + 1}" for i in range(shape[0]))


def sample(
    run: Run,
    out: str | os.PathLike,
    n: int | None = None,
    seed: int = 0,
    noise: bool = False,
    context: Sequence[str] = (),
) -> Path:
    """Writes new examples, from latent values drawn from the prior.

    Args:
        run: The run.
        out: A .png picture, a .npy array of shape (n, *event shape), or a .csv file with a row per
            example, in which the context stands after the values.
        n: How many; of several contexts, of each. None for 64, or 10 of each.
        seed: Decides which.
        noise: Whether pixels are drawn from the likelihood, or are its mean.
        context: What is asked for, as it is typed, where the model has a context: one, or several,
            each of which has a row of its own in a picture.

    Returns:
        The file.

    Raises:
        InputError: `out` cannot be written, `n` is below 1, or there is no context where the model
            needs one, or one that it does not know.
    """
    path = output_path(out, SAMPLES)
    several = len(context) > 1
    n = (_OF_EACH if several else _SAMPLES) if n is None else n
    if n < 1:
        raise InputError(f"n: expected at least 1 sample, got {n}")
    names = _column_names(run, out) if path.suffix.lower() == ".csv" else None
    given = _contexts(run, context)
    asked = None if given is None else np.repeat(given, n, axis=0)
    number = n if asked is None else len(asked)
    values = run.model.sample(number, seed=seed, mean=not noise, context=asked)
    if names is not None:
        columns = {} if asked is None else run.context.decode(asked)
        rows = zip(run.in_units(values), *columns.values(), strict=True)
        with replacing(path) as temporary:
            _write_rows(temporary, [*names, *columns], ([*row, *of_it] for row, *of_it in rows))
    elif path.suffix.lower() == ".npy":
        _write_array(path, run.in_units(values))
    else:
        shown = Dataset("samples", values.astype("float32"))
        # Beside their own data where these are rows of numbers; pictures need none.
        reference = run.data() if values.ndim == 2 and run.config else shown
        with held_back():
            titles = run.context.titles(given) if several else None
            plots.save(draw_samples(values, reference, titles), path)
    return path


def _contexts(run, typed):
    """The vectors that are asked for; None of a model without a context."""
    if typed or run.context is None:
        return run.given(*typed) if typed else None
    raise InputError(
        f"context: the model {run.path} is conditioned on {', '.join(run.context.names)}; give "
        f"--context VALUE, {run.context.expected}"
    )


def reconstruct(
    run: Run,
    data: Dataset,
    out: str | os.PathLike,
    part: str = "validation",
    n: int | None = None,
) -> Path:
    """Writes examples beside what the model makes of them.

    Args:
        run: The run.
        data: The data; see `Run.data`.
        out: A .png picture, a .npz file of arrays `original` and `reconstruction`, or a .csv file
            with a row per example, in which both stand side by side.
        part: "train", "validation" or "all".
        n: The first so many examples; None for 30 in a picture and all in a file of arrays.

    Returns:
        The file.

    Raises:
        InputError: `out` cannot be written, or `n` is below 1.
    """
    path = output_path(out, RECONSTRUCTIONS)
    if n is not None and n < 1:
        raise InputError(f"n: expected at least 1 example, got {n}")
    picture = path.suffix.lower() == ".png"
    names = _column_names(run, out) if path.suffix.lower() == ".csv" else None
    x, _ = examples(data, part)
    x = rows_of(x, slice(_SHOWN if n is None and picture else n))
    reconstruction = run.model.reconstruct(x)
    x = without_context(x)
    if picture:
        with held_back():
            plots.save(draw_reconstructions(x, reconstruction, data), path)
        return path
    x, reconstruction = data.in_units(x), data.in_units(reconstruction)
    if names is not None:
        header = [f"{kind}_{name}" for kind in ("original", "reconstruction") for name in names]
        with replacing(path) as temporary:
            _write_rows(temporary, header, np.concatenate([x, reconstruction], axis=1))
    else:
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, original=x, reconstruction=reconstruction)
    return path


def plot(
    run: Run,
    only: Sequence[str] = (),
    data_dir: str | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Draws the pictures of a run again, and writes its report.

    Args:
        run: The run.
        only: Names of the pictures to draw; none for all.
        data_dir: A folder that holds files of known data sets.
        say: Called with lines for a person.

    Returns:
        The files.

    Raises:
        InputError: The run is a model file alone, another process works in its folder, a file
            there is damaged, an unknown picture, or one that this run has not.
    """
    require_pictures(only)
    if not run.path.is_dir() or run.config is None:
        raise InputError(f"{run.path}: plot needs the folder of a run, not a model file alone")
    folder, config = RunFolder.existing(run.path), run.config
    with working_in(folder, "kelbo plot", say):
        record = folder.require_record()
        for file in (folder.metrics, folder.summary):
            require_held(record, file)
        history, summary = folder.read_metrics(), folder.read_summary()
        data = run.data(data_dir=data_dir)
        draw = drawers(run.model, data, history, config.seed)
        for name in only:
            if name not in draw:
                raise InputError(
                    f"only: this run has no {name}; it is drawn of images with latent_dim 2 and no "
                    "context"
                )
        names = list(only) or list(draw)
        write_pictures(folder, draw, names, len(history["loss"]))
        write_report(folder, config, history, summary)
    return [*map(folder.picture, names), folder.report]


def _write_array(path, values):
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, values)
