"""Real processes that are stopped and killed."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kelbo import runs

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from kelbo_program import main; main()"]
OPTIONS = ["--hidden", "64,32", "--log-likelihood-samples", "0"]


def start(*arguments):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*arguments):
    process = start(*arguments)
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert error == ""
    return out


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
        wait_for(folder / "checkpoint.npz", process)
        while before.stat().st_mtime_ns == seen and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
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
    wait_for(folder / "checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
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
    wait_for(folder / "model.keras", process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert error == (
        f"kelbo: interrupted after the last epoch; go on with: kelbo fit --resume {folder}\n"
    )
    assert {file.name for file in folder.iterdir()} == {
        "checkpoint.npz", "config.yaml", "data.json", "metrics.csv", "model.keras"
    }  # fmt: skip


def test_a_fit_goes_on_when_its_reader_leaves(tmp_path):
    folder = tmp_path / "run"
    process = start("fit", "digits", "--epochs", 3, "--out", folder, *OPTIONS)
    assert process.stdout.readline().startswith("digits: 1438 training")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0
    assert (folder / "report.html").exists()


def test_bad_input_in_a_process_is_one_line(tmp_path):
    process = start("fit", tmp_path / "missing.npy")
    out, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert len(error.splitlines()) == 1
