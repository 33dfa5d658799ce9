"""A fit that breaks leaves an earlier run, and a person's files, as they were."""

import shutil

import keras
import numpy as np
import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs.claim import Claim
from kelbo.runs.folder import RunFolder
from kelbo.training import Checkpoint


def contents(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


class RaiseIn(keras.callbacks.Callback):
    """Raises at the first step of an epoch (counted from 0)."""

    def __init__(self, error, epoch=0):
        super().__init__()
        self._raise = (error, epoch)
        self._at = [None]

    def on_epoch_begin(self, epoch, logs=None):
        self._at[0] = epoch

    def on_train_batch_begin(self, batch, logs=None):
        error, epoch = self._raise
        if self._at[0] == epoch:
            raise error


@pytest.fixture
def earlier(finished, tmp_path):
    """The folder of a run, with a file of a person's own in it."""
    folder = shutil.copytree(finished.path, tmp_path / "run")
    (folder / "notes.txt").write_text("mine")
    return folder


ERRORS = [
    (MemoryError(), InputError, "out of memory.*smaller --hidden"),
    (RuntimeError("of ours"), RuntimeError, "of ours"),
    (OSError(28, "No space left on device"), OSError, "No space left"),
    (KeyboardInterrupt(), runs.Interrupted, "nothing had been saved yet, and the earlier run in"),
]


@pytest.mark.parametrize(("error", "kind", "said"), ERRORS)
@pytest.mark.slow
def test_the_earlier_run_outlives_a_fit_that_breaks(earlier, small, error, kind, said):
    before = contents(earlier)
    with pytest.raises(kind, match=said):
        runs.fit(small.replace(latent_dim=3), earlier, force=True, callbacks=[RaiseIn(error)])
    assert contents(earlier) == before


def test_the_earlier_run_outlives_a_first_checkpoint_that_cannot_be_written(
    earlier, small, monkeypatch
):
    def fail(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoint, "_save", fail)
    before = contents(earlier)
    with pytest.raises(OSError, match="No space left"):
        runs.fit(small, earlier, force=True)
    assert contents(earlier) == before


@pytest.mark.parametrize(("error", "kind"), [case[:2] for case in ERRORS[:3]])
@pytest.mark.few(1)
def test_a_new_folder_goes_with_a_fit_that_breaks(tmp_path, small, error, kind):
    with pytest.raises(kind):
        runs.fit(small, tmp_path / "a" / "b", callbacks=[RaiseIn(error)])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(kind):
        runs.fit(small, tmp_path / "empty", callbacks=[RaiseIn(error)])
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.slow
def test_a_new_run_that_is_interrupted_at_once_can_be_resumed(tmp_path, small, without_figures):
    folder = tmp_path / "run"
    with pytest.raises(runs.Interrupted, match=f"in epoch 1; go on with: .*--resume {folder}"):
        runs.fit(small, folder, callbacks=[RaiseIn(KeyboardInterrupt())])
    assert runs.resume(folder).summary["epochs"] == 2


@pytest.mark.slow
def test_what_breaks_after_the_first_checkpoint_leaves_the_new_run(
    earlier, small, tmp_path, without_figures
):
    config = small.replace(latent_dim=3)
    with pytest.raises(RuntimeError, match="of ours"):
        runs.fit(config, earlier, force=True, callbacks=[RaiseIn(RuntimeError("of ours"), 1)])
    names = {file.name for file in earlier.iterdir()}
    assert names == {"checkpoint.npz", "config.yaml", "data.json", "metrics.csv", "notes.txt"}
    runs.resume(earlier)
    at_once = runs.fit(config, tmp_path / "at_once")
    resumed = runs.load_run(earlier).model
    for a, b in zip(resumed.get_weights(), at_once.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not {file.name for file in earlier.iterdir()} - names - {
        "model.keras", "run.json", "summary.json", "report.html"
    }  # fmt: skip


@pytest.mark.slow
def test_what_a_killed_process_left_is_not_gone_on_with(earlier, small, without_figures):
    folder = RunFolder(earlier)
    folder.first_checkpoint.write_bytes(b"of an earlier process")
    result = runs.fit(small.replace(epochs=1), earlier, force=True)
    assert result.summary["epochs"] == 1
    folder.first_checkpoint.write_bytes(b"of an earlier process")
    runs.resume(earlier, {"epochs": 2})
    assert not folder.first_checkpoint.exists()


def test_other_files_are_never_taken(tmp_path):
    for name in ("config.yaml", "model.keras", "data.json", "summary.json"):
        (tmp_path / name).write_text("seed: 1\n")
    before = contents(tmp_path)
    with (
        pytest.raises(InputError, match="holds no run of Kelbo"),
        Claim(RunFolder(tmp_path), lambda: None, "0" * 32, {}).held(),
    ):
        pass
    assert contents(tmp_path) == before
