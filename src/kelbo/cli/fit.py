"""kelbo fit."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kelbo.cli.loading import load_runs
from kelbo.cli.options import with_settings
from kelbo.cli.results import show_summary
from kelbo.cli.screen import console, say
from kelbo.errors import InputError
from kelbo.runs.config import FitConfig


@with_settings
def fit(
    ctx: typer.Context,
    settings: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Argument(
            help="A known data set (see kelbo datasets), a table (.csv, .parquet, .jsonl, ...), "
            "a .npz or .npy file, or a folder of images.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run. (default: runs/DATA)", show_default=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of settings; options given beside it win.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with the fit in this run folder; only --epochs may change.",
            metavar="RUN",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run in --out.")] = False,
) -> None:
    """Fit a variational autoencoder and leave model, figures, pictures and report in a folder."""
    if data is not None:
        settings["data"] = data
    if resume is not None:
        for name, given in (("--config", config), ("--force", force or None)):
            if given is not None:
                raise InputError(f"--resume goes on with the settings of the run; leave out {name}")
        if out is not None and out.resolve() != resume.resolve():
            raise InputError(f"--resume goes on in {resume}; leave out --out {out}")
    base = FitConfig() if config is None else FitConfig.from_yaml(config)
    chosen = base.replace(**settings)

    runs = load_runs()
    from kelbo.cli.progress import progress

    bar = progress(console())
    shared = {"command": ctx.obj or "kelbo fit", "say": say, "callbacks": [bar]}
    try:
        if resume is not None:
            result = runs.resume(resume, settings, **shared)
        else:
            result = runs.fit(chosen, out, force=force, **shared)
    finally:
        bar.close()
    show_summary(result.summary)
    say(f"open {result.path / 'report.html'}")
