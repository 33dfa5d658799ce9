"""The program `kelbo`, from its first moment on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kelbo as package
import kelbo_program
from kelbo.runs.folder import PICTURES

from ..waiting import output_of

COMMAND = [sys.executable, "-c", "from kelbo_program import main; main()"]

# As some libraries do: whatever happens in here is taken for something that is not there.
SLOW_KERAS = """
import time
try:
    print("importing", flush=True)
    time.sleep(3600)
except BaseException:
    raise ImportError("something optional is missing")
"""


def start(*arguments, **environment):
    # The package as it is imported here, wherever that is.
    path = [environment.pop("before", ""), str(Path(package.__file__).parents[1])]
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_while_libraries_are_loaded(tmp_path):
    (tmp_path / "keras.py").write_text(SLOW_KERAS)
    process = start("fit", "digits", before=str(tmp_path), KERAS_BACKEND="jax")
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    out, error = output_of(process)
    assert (process.returncode, out, error) == (130, "", "kelbo: interrupted\n")


@pytest.mark.parametrize("backend", ["foo", "numpy"])
def test_a_backend_that_does_not_run(backend):
    process = start("datasets", KERAS_BACKEND=backend)
    out, error = output_of(process)
    assert (process.returncode, out) == (2, "")
    (line,) = error.splitlines()
    assert line.startswith("kelbo: Kelbo runs on the Keras backends jax, tensorflow and torch")
    assert f"KERAS_BACKEND names '{backend}'" in line


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--version"], 0, r"kelbo \d+\.\d+\S*\n"),
        (["--help"], 0, "(?s).*Fit variational autoencoders.*"),
        (["plot", "--help"], 0, f"(?s).*{'.*'.join(PICTURES)}.*"),
        (["fit", "digits", "--latent-dims", "3"], 2, "kelbo: No such option.*\n"),
        (["fit", "digits", "--epochs", "9" * 30], 2, "kelbo: --epochs: expected a whole .*\n"),
        (["sample", "run", "--out", "samples.gif"], 2, "kelbo: out: expected a file .*\n"),
        (["plot", "run", "--only", "sampels"], 2, "kelbo: only: .*did you mean 'samples'.*\n"),
    ],
)
def test_what_takes_no_keras(tmp_path, arguments, status, said):
    (tmp_path / "keras.py").write_text('raise SystemExit("Keras is imported")')
    process = start(*arguments, before=str(tmp_path), KERAS_BACKEND="jax")
    out, error = output_of(process)
    assert process.returncode == status
    assert re.fullmatch(said, error if status else out)
    assert (out if status else error) == ""


def test_an_interruption_that_nobody_else_hears(monkeypatch, capsys):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr("kelbo.cli.main", stop)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        kelbo_program.main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == "kelbo: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is before
