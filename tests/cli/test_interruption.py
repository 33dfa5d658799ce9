"""Real processes that are stopped and killed."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from kelbo import runs

from ..waiting import PATIENCE, output_of, wait_until

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from kelbo_program import main; main()"]
OPTIONS = ["--hidden", "64,32", "--log-likelihood-samples", "0"]


def start(*arguments, **options):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(*arguments):
    process = start(*arguments)
    out, error = output_of(process)
    assert process.returncode == 0, error
    assert error == ""
    return out


def weights(folder):
    model = runs.load_run(folder).model
    return [np.array(v.value) for v in model.trainable_variables]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish("fit", "digits", "--epochs", 600, "--out", folder, *OPTIONS)
    return folder


@pytest.mark.parametrize("times", [1, 2])
def test_a_killed_fit_goes_on_to_the_same_weights(uninterrupted, tmp_path, times):
    folder = tmp_path / "run"
    arguments = ["fit", "digits", "--epochs", 600, "--out", folder, *OPTIONS]
    for _ in range(times):
        before = folder.joinpath("checkpoint.npz")
        seen = before.stat().st_mtime_ns if before.exists() else None
        process = start(*arguments)
        wait_until(lambda b=before, s=seen: b.exists() and b.stat().st_mtime_ns != s, process)
        process.send_signal(signal.SIGKILL)
        output_of(process)
        assert process.returncode == -signal.SIGKILL
        assert not (folder / "model.keras").exists()
        arguments = ["fit", "--resume", folder]
    out = finish("fit", "--resume", folder)
    assert "going on after epoch" in out
    for a, b in zip(weights(folder), weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(a, b)
    metrics = [runs.RunFolder(path).read_metrics() for path in (folder, uninterrupted)]
    assert metrics[0]["val_loss"] == metrics[1]["val_loss"]
    assert not list(folder.glob(".*"))


def test_ctrl_c_says_how_to_go_on(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    process = start("fit", "digits", "--epochs", 600, "--out", folder, *OPTIONS)
    wait_until((folder / "checkpoint.npz").exists, process)
    process.send_signal(signal.SIGINT)
    _, error = output_of(process)
    assert process.returncode == 130, error
    (line,) = error.splitlines()
    assert "interrupted in epoch" in line
    assert f"go on with: kelbo fit --resume {folder}" in line
    epoch = int(line.split("epoch ")[1].split(";")[0])
    assert 1 < epoch <= 600
    assert len(runs.RunFolder(folder).read_metrics()["loss"]) == epoch - 1
    finish("fit", "--resume", folder)
    for a, b in zip(weights(folder), weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(a, b)
    assert json.loads((folder / "summary.json").read_text())["epochs"] == 600


def test_ctrl_c_after_the_epochs_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    more = ["--log-likelihood-samples", 1_000_000]  # for minutes
    process = start("fit", "digits", "--epochs", 2, "--hidden", 8, "--out", folder, *more)
    wait_until((folder / "model.keras").exists, process)
    process.send_signal(signal.SIGINT)
    _, error = output_of(process)
    assert process.returncode == 130, error
    assert error == (
        f"kelbo: interrupted after the last epoch; go on with: kelbo fit --resume {folder}\n"
    )
    assert {file.name for file in folder.iterdir()} == {
        "checkpoint.npz", "config.yaml", "data.json", "metrics.csv", "model.keras", "run.json"
    }  # fmt: skip


def ignore_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_a_fit_that_was_started_with_ctrl_c_ignored_goes_on(tmp_path):
    """As a job of a shell in the background: Ctrl-C is for another program."""
    folder = tmp_path / "run"
    arguments = ["fit", "digits", "--epochs", 50, "--out", folder, *OPTIONS]
    process = start(*arguments, preexec_fn=ignore_ctrl_c)
    wait_until((folder / "checkpoint.npz").exists, process)
    process.send_signal(signal.SIGINT)
    _, error = output_of(process)
    assert (process.returncode, error) == (0, "")
    assert json.loads((folder / "summary.json").read_text())["epochs"] == 50


def test_a_fit_goes_on_when_its_reader_leaves(tmp_path):
    folder = tmp_path / "run"
    process = start("fit", "digits", "--epochs", 3, "--out", folder, *OPTIONS)
    assert process.stdout.readline().startswith("digits: 1438 training")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE) == 0
    assert (folder / "report.html").exists()


def test_bad_input_in_a_process_is_one_line(tmp_path):
    process = start("fit", tmp_path / "missing.npy")
    out, error = output_of(process)
    assert process.returncode == 2
    assert out == ""
    assert len(error.splitlines()) == 1
