import contextlib

import pytest
from typer.testing import CliRunner

from kelbo.cli import app
from kelbo.evaluation import Verdict


@pytest.fixture
def kelbo():
    """Runs a command line in this process; arguments may be paths."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def fitting(tmp_path_factory):
    """A fit by the command line in a folder of its own: the folder, and what was said."""
    folder = tmp_path_factory.mktemp("fitted")
    with contextlib.chdir(folder):
        arguments = ["fit", "digits", "--hidden", "16", "--epochs", "2"]
        few = ["--log-likelihood-samples", "10", "--log-likelihood-examples", "20"]
        return folder, CliRunner().invoke(app, [*arguments, *few])


@pytest.fixture(scope="session")
def fitted(fitting):
    """The folder of a finished run. Tests read it."""
    folder, result = fitting
    assert result.exit_code == 0, result.output
    return folder / "runs" / "digits"


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    """The folder of a finished run with a context, without verdict and pictures.

    Tests read it.
    """
    folder = tmp_path_factory.mktemp("conditional")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr("kelbo.runs.outputs.drawers", lambda *args: {})
        patch.setattr("kelbo.runs.summary.run_verdict", lambda *args: Verdict((), ()))
        arguments = ["fit", "digits", "--context", "labels", "--hidden", "none", "--epochs", "1"]
        result = CliRunner().invoke(app, [*arguments, "--log-likelihood-samples", "0"])
        assert result.exit_code == 0, result.output
        assert "context: labels (10 classes)" in result.stdout
    return folder / "runs" / "digits"


@pytest.fixture
def refused(kelbo):
    """Runs a command line that must end with status 2 and one line; returns the line."""

    def run(*arguments, status=2):
        result = kelbo(*arguments)
        assert result.exit_code == status, result.output
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("kelbo: ")
        return lines[0]

    return run
