"""The files that a fit leaves in its folder once the model is trained."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kelbo import plots, report
from kelbo.datasets import Dataset
from kelbo.files import replacing
from kelbo.interruption import held_back
from kelbo.models import VAE
from kelbo.runs.config import FitConfig
from kelbo.runs.folder import PICTURES, RunFolder
from kelbo.runs.likelihoods import remarks, settle
from kelbo.runs.pictures import drawers
from kelbo.runs.summary import summarize


def write_outputs(
    folder: RunFolder,
    model: VAE,
    config: FitConfig,
    data: Dataset,
    history: Mapping[str, Sequence[float]],
    command: str,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Writes each file that is not the one which belongs to this state of this fit.

    Args:
        folder: The folder of the run.
        model: The trained model.
        config: Its settings.
        data: Its data.
        history: Figures per epoch.
        command: What was typed.
        say: Told what is being done.

    Returns:
        The summary.
    """
    epochs, run = len(history["loss"]), folder.run

    def is_current(file: Path) -> bool:
        return folder.known(run).is_current(file, epochs)

    def note(file: Path) -> None:
        folder.known(run).noted(file, epochs).write(folder.record)

    if not is_current(folder.config):
        note(folder.config)
    written = False
    if not is_current(folder.metrics):
        folder.write_metrics(history)
        note(folder.metrics)
        written = True
    history = folder.read_metrics()  # in the order of its columns
    if not is_current(folder.model):
        with held_back(), replacing(folder.model) as temporary:
            model.save(temporary)
        note(folder.model)
        written = True
    if is_current(folder.summary):
        summary = folder.read_summary()
    else:
        say("final figures and log-likelihood ...")
        settled = settle(config, data)
        notes = remarks(settled, data)
        summary = summarize(model, settled, data, history, command, notes, folder.path)
        summary["run"] = run
        folder.write_summary(summary)
        note(folder.summary)
        written = True
    draw = drawers(model, data, history, config.seed)
    missing = [name for name in draw if not is_current(folder.picture(name))]
    if missing:
        say("pictures ...")
        write_pictures(folder, draw, missing, epochs)
    if written or missing or not is_current(folder.report):
        write_report(folder, config, history, summary)
    return summary


def write_pictures(
    folder: RunFolder,
    draw: Mapping[str, Callable[[], Figure]],
    names: Sequence[str],
    epochs: int,
) -> None:
    """Draws and writes the pictures of these names.

    Ctrl-C is heard between two of them: each takes a moment, and matplotlib and what it rests on
    are no place for an exception.

    Args:
        folder: The folder of the run.
        draw: Draws each picture, by name.
        names: Those that are wanted.
        epochs: How many have been trained.
    """
    for name in names:
        file = folder.picture(name)
        with held_back():
            plots.save(draw[name](), file)
            folder.known(folder.run).noted(file, epochs).write(folder.record)


def write_report(
    folder: RunFolder,
    config: FitConfig,
    history: Mapping[str, Sequence[float]],
    summary: Mapping[str, Any],
) -> None:
    """Writes one page that holds figures, settings and pictures."""
    apart = ("command", "notes", "verdict")
    shown = {key: value for key, value in summary.items() if key not in apart}
    report.write(
        folder.report,
        title=f"{summary['data']['name']}: variational autoencoder",
        command=summary["command"],
        summary=shown,
        config=config.as_dict(),
        history=history,
        pictures=[
            (caption, folder.picture(name))
            for name, caption in PICTURES.items()
            if folder.picture(name).exists()
        ],
        notes=summary["notes"],
        verdict=summary.get("verdict"),
    )
    record = folder.known(folder.run)
    record.noted(folder.report, len(history["loss"])).write(folder.record)
