"""The commands, put together."""

from kelbo.cli.quiet import silence_libraries

silence_libraries()  # before anything loads them

from typing import Annotated  # noqa: E402

import typer  # noqa: E402

from kelbo.cli import verbs  # noqa: E402
from kelbo.cli.commands import Commands  # noqa: E402
from kelbo.cli.fit import fit  # noqa: E402
from kelbo.version import __version__  # noqa: E402

app = typer.Typer(
    cls=Commands,
    name="kelbo",
    help="Fit variational autoencoders to your data, and use them.",
    epilog="Exit status: 0 done, 1 the loss became NaN or infinite, 2 bad input, 130 interrupted.",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"kelbo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for _command in (
    fit,
    verbs.evaluate,
    verbs.encode,
    verbs.sample,
    verbs.reconstruct,
    verbs.plot,
    verbs.datasets,
):
    app.command()(_command)


def main() -> None:
    """The entry point `kelbo`."""
    app()
