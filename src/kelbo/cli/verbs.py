"""The commands that use a finished run."""

import enum
import json
from pathlib import Path
from typing import Annotated

import typer

from kelbo.cli.loading import load_runs
from kelbo.cli.results import show_bounds, show_datasets, show_verdict
from kelbo.cli.screen import say
from kelbo.runs.folder import PICTURES, require_pictures
from kelbo.runs.output_files import CODES, RECONSTRUCTIONS, SAMPLES, output_path

Part = enum.StrEnum("Part", ["train", "validation", "all"])

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run, or a .keras file.")
]
DataArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]",
        help="Data set or path; without it, the data of the fit, split as in the fit.",
        show_default=False,
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(help="Folder that holds the files of known data sets.", show_default=False),
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        help="What all examples are conditioned on, in place of what stands in the data: a value, "
        "or values of several columns (setosa,30 or species=setosa,age=30).",
        metavar="VALUE",
        show_default=False,
    ),
]
PartOption = Annotated[
    Part, typer.Option(help="Which examples; data without a validation part are used whole.")
]


def evaluate(
    run: RunArgument,
    data: DataArgument = None,
    data_dir: DataDir = None,
    part: PartOption = Part.validation,
    context: ContextOption = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Importance samples per example; 0: no log-likelihood.")
    ] = 1000,
    examples: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many examples for the log-likelihood. (default: all)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print loss, reconstruction, divergence and log-likelihood, and a verdict on the model."""
    runs = load_runs()
    opened = runs.load_run(run)
    found = opened.data(data, data_dir, context)
    result = runs.evaluate(opened, found, part.value, samples, examples)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show_bounds({f"{part.value} ({result['examples']})": result}, result.get("log_likelihood"))
        show_verdict(result["verdict"])


def encode(
    run: RunArgument,
    data: DataArgument = None,
    out: Annotated[Path, typer.Option(help="File to write: .npz or .csv.")] = Path("codes.npz"),
    data_dir: DataDir = None,
    part: PartOption = Part.all,
    context: ContextOption = None,
) -> None:
    """Write the posterior's mean and standard deviation of every example, and the labels."""
    output_path(out, CODES)
    runs = load_runs()
    opened = runs.load_run(run)
    say(f"wrote {runs.encode(opened, opened.data(data, data_dir, context), out, part.value)}")


def sample(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="File to write: .png, .npy or .csv.")] = Path(
        "samples.png"
    ),
    n: Annotated[
        int | None,
        typer.Option(
            "--n", "-n", min=1, help="How many. (default: 64, or 10 of each of several contexts)"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which.")] = 0,
    noise: Annotated[
        bool, typer.Option("--noise", help="Draw pixels from the likelihood; else its mean.")
    ] = False,
    context: Annotated[
        list[str] | None,
        typer.Option(
            help="What is asked for, of a model that was fitted with --context: a value, or values "
            "of several columns (setosa,30 or species=setosa,age=30). May be given again.",
            metavar="VALUE",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write new examples, from latent values drawn from the prior."""
    output_path(out, SAMPLES)
    runs = load_runs()
    say(f"wrote {runs.sample(runs.load_run(run), out, n, seed, noise, context or ())}")


def reconstruct(
    run: RunArgument,
    data: DataArgument = None,
    out: Annotated[Path, typer.Option(help="File to write: .png, .npz or .csv.")] = Path(
        "reconstructions.png"
    ),
    data_dir: DataDir = None,
    part: PartOption = Part.validation,
    n: Annotated[
        int | None,
        typer.Option(
            "--n", "-n", min=1, help="The first so many. (default: 30 in a picture, else all)"
        ),
    ] = None,
    context: ContextOption = None,
) -> None:
    """Write examples beside what the model makes of them."""
    output_path(out, RECONSTRUCTIONS)
    runs = load_runs()
    opened = runs.load_run(run)
    found = opened.data(data, data_dir, context)
    say(f"wrote {runs.reconstruct(opened, found, out, part.value, n)}")


def plot(
    run: RunArgument,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Draw this picture only: {', '.join(PICTURES)}. May be given again.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Draw the pictures of a run again, and write its report."""
    require_pictures(only or ())
    runs = load_runs()
    for path in runs.plot(runs.load_run(run), only or (), data_dir, say):
        say(f"wrote {path}")


def datasets(data_dir: DataDir = None) -> None:
    """List the known data sets, and where they are on this machine."""
    from kelbo.datasets import available

    show_datasets(available(data_dir))
