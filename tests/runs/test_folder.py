import json

import pytest

from kelbo.errors import InputError
from kelbo.runs import FitConfig, RunFolder
from kelbo.runs.folder import next_folder


def test_a_new_folder_is_free(tmp_path):
    folder = RunFolder.free(tmp_path / "a" / "b")
    assert not folder.path.exists()
    folder.path.mkdir(parents=True)
    assert RunFolder.free(folder.path).path == folder.path  # empty, so still free
    folder.lock.touch()  # of a process that was killed
    assert RunFolder.free(folder.path).path == folder.path


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
    folder.write_settings(FitConfig(), "0" * 32)
    folder.empty()
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
    with pytest.raises(InputError, match="nothing in it is touched"):
        RunFolder.free(tmp_path, force=True)
    assert {file: file.read_text() for file in tmp_path.iterdir()} == before


def test_a_run_is_known_by_its_settings(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert (folder.holds_run, folder.is_empty) == (False, True)
    folder.path.mkdir()
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
    with pytest.raises(InputError, match=r"metrics\.csv: .*--resume .* writes it again"):
        folder.read_metrics()


SUMMARY = {
    "train": {"loss": 3.0, "reconstruction": 2.0, "kl": 1.0},
    "data": {"name": "digits"},
    "command": "kelbo fit digits",
    "notes": ["é"],
}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b"null", b"1", b"[" * 20_000, b"9" * 5000, b"\xff\xfe{}", b"\0"]
    + [
        json.dumps({**SUMMARY, name: value}).encode()
        for name in ("train", "validation", "log_likelihood", "data", "command", "notes")
        for value in ([1], {"loss": "x"}, 3, "x")
        if not (name == "command" and value == "x")
    ],
)
def test_damaged_summary(tmp_path, content):
    folder = RunFolder(tmp_path)
    folder.write_summary(SUMMARY)
    assert folder.read_summary() == SUMMARY
    folder.summary.write_bytes(content)
    with pytest.raises(InputError, match=r"summary\.json: .*; kelbo fit --resume .* again$"):
        folder.read_summary()


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
