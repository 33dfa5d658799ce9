"""What `import kelbo` does to the choice of the backend, and what it loads."""

import importlib.resources
import importlib.util
import json
import os
import subprocess
import sys

import pytest

import kelbo._backend
from kelbo._backend import choose_backend

from .waiting import output_of

# Each prints one JSON object.
PLAIN = "import keras, sys; report(modules=sorted(sys.modules))"
FIRST = "import kelbo, keras, sys; report(modules=sorted(sys.modules))"
LATE = """
import keras, os
del os.environ["KERAS_BACKEND"]
import kelbo
report(asked_for=os.environ.get("KERAS_BACKEND"))
"""
REPORT = """
def report(**facts):
    import json, keras
    print(json.dumps({"backend": keras.backend.backend(), **facts}))
"""
PROCESSES = {
    "plain keras": (PLAIN, "jax", None),
    "no choice": (FIRST, None, None),
    "configured": (FIRST, None, "torch"),
    "keras imported already": (LATE, "torch", None),
}
NEEDS_TORCH = ("configured", "keras imported already")
TORCH_IS_HERE = importlib.util.find_spec("torch") is not None


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Name -> what each process reported; they run side by side."""
    running = {}
    for name, (code, backend, configured) in PROCESSES.items():
        if name in NEEDS_TORCH and not TORCH_IS_HERE:
            continue
        home = tmp_path_factory.mktemp("keras")
        if configured:
            (home / "keras.json").write_text(json.dumps({"backend": configured}))
        environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
        environment |= {"KERAS_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
        if backend:
            environment["KERAS_BACKEND"] = backend
        running[name] = subprocess.Popen(
            [sys.executable, "-c", REPORT + code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    results = {}
    for name, process in running.items():
        output, errors = output_of(process)
        assert process.returncode == 0, f"{name}: {errors}"
        results[name] = json.loads(output.splitlines()[-1])
    return results


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("no choice", "jax"),
        ("configured", "torch"),
        ("keras imported already", "torch"),
    ],
)
def test_backend(reports, name, backend):
    if backend == "torch" and not TORCH_IS_HERE:
        pytest.skip("PyTorch is not installed")
    assert reports[name]["backend"] == backend


@pytest.mark.skipif(not TORCH_IS_HERE, reason="PyTorch is not installed")
def test_a_late_import_asks_for_nothing(reports):
    assert reports["keras imported already"]["asked_for"] is None


def test_import_loads_nothing_of_plots_or_command_line(reports):
    loaded = set(reports["no choice"]["modules"]) - set(reports["plain keras"]["modules"])
    assert "kelbo.models" in loaded
    packages = {name.split(".")[0] for name in loaded}
    unwanted = {"typer", "pooch", "sklearn", "pandas", "numpyro", "tensorflow", "torch", "PIL"}
    assert not packages & unwanted
    lazy = ("plots", "cli", "report", "datasets", "runs", "evaluation")
    lazy = tuple(f"kelbo.{package}" for package in lazy)
    assert not [name for name in loaded if name.startswith((*lazy, "matplotlib"))]


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """As in a new process: Keras is not imported, nothing is chosen, the config folder is empty."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", "to be restored")
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(kelbo._backend.importlib.util, "find_spec", lambda name: "installed")
    return tmp_path / "keras.json"


@pytest.mark.parametrize(
    ("configuration", "chosen"),
    [
        (None, "jax"),
        ('{"backend": "tensorflow"}', "jax"),
        ('{"backend": "torch"}', None),
        ('{"backend": "jax"}', None),
        ('{"floatx": "float32"}', "jax"),
        ('{"backend": 3}', "jax"),
        ("[]", "jax"),
        ("{not json", "jax"),
    ],
)
def test_choice_by_configuration_file(fresh, configuration, chosen):
    if configuration is not None:
        fresh.write_text(configuration)
    choose_backend()
    assert os.environ.get("KERAS_BACKEND") == chosen


def test_choice_by_environment(fresh, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "")
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == "jax"


@pytest.mark.parametrize("backend", ["foo", "numpy"])
def test_what_is_no_backend_of_ours(fresh, monkeypatch, backend):
    fresh.write_text(json.dumps({"backend": backend}))
    with pytest.raises(ImportError, match=f"keras.json names '{backend}'; set KERAS_BACKEND=jax"):
        choose_backend()
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(ImportError, match=f"KERAS_BACKEND names '{backend}'; set KERAS_BACKEND"):
        choose_backend()


def test_a_backend_that_is_not_installed(fresh, monkeypatch):
    monkeypatch.setattr(kelbo._backend.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(ImportError, match=r"not installed; .*pip install 'kelbo\[torch\]'"):
        choose_backend()


def test_choice_without_keras_home(fresh, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(fresh.parent))
    (fresh.parent / ".keras").mkdir()
    (fresh.parent / ".keras" / "keras.json").write_text('{"backend": "torch"}')
    choose_backend()
    assert "KERAS_BACKEND" not in os.environ


def test_type_checkers_are_told_that_there_are_types():
    assert importlib.resources.files("kelbo").joinpath("py.typed").is_file()
