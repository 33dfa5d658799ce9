"""The files that a fit leaves in its folder once the model is trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kelbo import plots, report
from kelbo.datasets import Dataset
from kelbo.files import replacing
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
    """Writes each file that is missing or older than the state of the fit.

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
    written = False
    if not folder.is_current(folder.metrics):
        folder.write_metrics(history)
        written = True
    history = folder.read_metrics()  # in the order of its columns
    if not folder.is_current(folder.model):
        with replacing(folder.model) as temporary:
            model.save(temporary)
        written = True
    if folder.is_current(folder.summary):
        summary = folder.read_summary()
    else:
        say("final figures and log-likelihood ...")
        settled = settle(config, data)
        notes = remarks(settled, data)
        summary = summarize(model, settled, data, history, command, notes, folder.path)
        folder.write_summary(summary)
        written = True
    missing = [
        name
        for name in drawers(model, data, history, config.seed)
        if not folder.is_current(folder.picture(name))
    ]
    if missing:
        say("pictures ...")
        write_pictures(folder, model, config, data, history, missing)
    if written or missing or not folder.is_current(folder.report):
        write_report(folder, config, history, summary)
    return summary


def write_pictures(
    folder: RunFolder,
    model: VAE,
    config: FitConfig,
    data: Dataset,
    history: Mapping[str, Sequence[float]],
    names: Sequence[str],
) -> None:
    """Draws and writes the pictures of these names."""
    draw = drawers(model, data, history, config.seed)
    for name in names:
        plots.save(draw[name](), folder.picture(name))


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
