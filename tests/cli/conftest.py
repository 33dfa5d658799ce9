import pytest
from typer.testing import CliRunner

from kelbo import runs
from kelbo.cli import app


@pytest.fixture
def kelbo():
    """Runs a command line in this process; arguments may be paths."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """The folder of a finished run. Tests read it."""
    config = runs.FitConfig(
        data="digits", hidden=[16], epochs=2, log_likelihood_samples=10, log_likelihood_examples=20
    )
    return runs.fit(config, tmp_path_factory.mktemp("fitted") / "run").path


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
