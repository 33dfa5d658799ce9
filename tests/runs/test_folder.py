import os

import pytest

from kelbo.errors import InputError
from kelbo.runs import FitConfig, RunFolder
from kelbo.runs.folder import next_folder


def test_a_new_folder_is_free(tmp_path):
    folder = RunFolder.free(tmp_path / "a" / "b")
    assert not folder.path.exists()
    folder.take()
    assert folder.path.is_dir()
    assert RunFolder.free(folder.path).path == folder.path  # empty, so still free


def test_a_taken_folder_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match=r"not empty and holds no run of Kelbo; .*--out"):
            RunFolder.free(tmp_path, force)
    FitConfig().to_yaml(tmp_path / "config.yaml")
    with pytest.raises(InputError, match=r"--resume .*--force"):
        RunFolder.free(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        RunFolder.free(tmp_path / "notes.txt", force=True)


def test_force_replaces_a_run_and_nothing_else(tmp_path):
    folder = RunFolder.free(tmp_path, force=True)
    for file in folder.files:
        file.write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    FitConfig().to_yaml(folder.config)
    folder.take()
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("config", ["seed: 1\n", "", "# made by hand\nlatent_dim: 2\n", None])
def test_a_folder_of_other_files_is_refused_and_nothing_is_lost(tmp_path, config):
    folder = RunFolder(tmp_path)
    for file in folder.files:
        file.write_text("mine")
    folder.config.unlink()
    if config is not None:
        folder.config.write_text(config)
    before = {file: file.read_text() for file in tmp_path.iterdir()}
    for take in (lambda: RunFolder.free(tmp_path, force=True), folder.take):
        with pytest.raises(InputError, match="nothing in it is touched"):
            take()
    assert {file: file.read_text() for file in tmp_path.iterdir()} == before


def test_a_run_is_known_by_its_settings(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert (folder.holds_run, folder.is_empty) == (False, True)
    folder.take()
    assert (folder.holds_run, folder.is_empty) == (False, True)
    FitConfig().to_yaml(folder.config)
    assert (folder.holds_run, folder.is_empty) == (True, False)
    folder.config.write_bytes(folder.config.read_bytes()[:60] + b"\xff\xfe damaged")
    assert folder.holds_run
    folder.config.unlink()
    folder.config.mkdir()
    assert not folder.holds_run


def test_the_next_folder(tmp_path):
    assert next_folder("digits", tmp_path) == tmp_path / "digits"
    (tmp_path / "digits").mkdir()
    assert next_folder("digits", tmp_path) == tmp_path / "digits"
    (tmp_path / "digits" / "x").touch()
    (tmp_path / "digits-2").touch()
    assert next_folder("digits", tmp_path) == tmp_path / "digits-3"


def test_metrics_come_back_as_they_were_in_a_fixed_order(tmp_path):
    folder = RunFolder(tmp_path)
    history = {"seconds": [1.5, 0.1], "val_kl": [2.0, 3.0], "kl": [1 / 3, float("nan")]}
    folder.write_metrics(history | {"loss": [-1e-30, 7.0]})
    back = folder.read_metrics()
    assert list(back) == ["loss", "kl", "val_kl", "seconds"]
    assert back["kl"][0] == 1 / 3
    assert back["kl"][1] != back["kl"][1]
    assert back["loss"] == [-1e-30, 7.0]
    assert folder.metrics.read_text().splitlines()[0] == "epoch,loss,kl,val_kl,seconds"


@pytest.mark.parametrize("content", ["", "epoch,loss\n1,2,3\n", "epoch,loss\n1,x\n", None])
def test_damaged_metrics(tmp_path, content):
    folder = RunFolder(tmp_path)
    if content is not None:
        folder.metrics.write_text(content)
    with pytest.raises(InputError, match=r"metrics\.csv: cannot be read"):
        folder.read_metrics()


def test_damaged_summary(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_summary({"seed": 1, "notes": ["é"]})
    assert folder.read_summary() == {"seed": 1, "notes": ["é"]}
    folder.summary.write_text("{")
    with pytest.raises(InputError, match="it is damaged"):
        folder.read_summary()


def test_current_means_no_older_than_the_checkpoint(tmp_path):
    folder = RunFolder(tmp_path)
    assert not folder.is_current(folder.model)
    folder.model.touch()
    assert folder.is_current(folder.model)
    folder.checkpoint.touch()
    os.utime(folder.checkpoint, (100, 100))
    for seconds, current in ((99, False), (100, True), (101, True)):
        os.utime(folder.model, (seconds, seconds))
        assert folder.is_current(folder.model) is current


def test_leftovers_of_a_killed_process_go(tmp_path):
    folder = RunFolder(tmp_path)
    for name in (".checkpoint-abc12345.npz", ".model-x_y7z8w9.keras"):
        (tmp_path / name).touch()
    kept = [".config.json", ".hidden", ".samples.txt", "checkpoint.npz"]
    for name in kept:
        (tmp_path / name).touch()
    folder.remove_leftovers()
    assert sorted(file.name for file in tmp_path.iterdir()) == kept


def test_no_run_here(tmp_path):
    for path, said in ((tmp_path, "holds no config.yaml"), (tmp_path / "x", "no such run folder")):
        with pytest.raises(InputError, match=said):
            RunFolder.existing(path)
