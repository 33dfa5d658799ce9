import numpy as np
import pytest

from kelbo import runs
from kelbo.datasets import Dataset
from kelbo.evaluation import Verdict

SMALL = {
    "hidden": [16],
    "epochs": 2,
    "log_likelihood_samples": 10,
    "log_likelihood_examples": 50,
}


@pytest.fixture
def small():
    """Settings of a fit that takes a few seconds."""
    return runs.FitConfig(data="digits", **SMALL)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The result of such a fit. Tests read it; one that writes copies it first."""
    config = runs.FitConfig(data="digits", **SMALL)
    folder = tmp_path_factory.mktemp("finished") / "run"
    return runs.fit(config, folder, command="kelbo fit digits")


@pytest.fixture
def make_data():
    """Makes a data set of given values, in vectors of length 2."""

    def make(*values, **kwargs):
        x = np.resize(np.array(values, "float32"), (10, 2))
        return Dataset("made", x, **kwargs)

    return make


@pytest.fixture
def without_figures(monkeypatch):
    """A fit leaves no pictures and no verdict: for tests of other things, in less time."""
    monkeypatch.setattr("kelbo.runs.outputs.drawers", lambda *args: {})
    monkeypatch.setattr("kelbo.runs.summary.run_verdict", lambda *args: Verdict((), ()))
