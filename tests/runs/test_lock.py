"""One process works in a run folder at a time."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs import lock
from kelbo.runs.lock import locked

HOLDING = """
import signal, sys
from pathlib import Path
from kelbo.runs.lock import locked
with locked(Path(sys.argv[1]), "kelbo fit digits", print):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def hold():
    """Starts processes that hold a lock until they are killed."""
    started = []

    def start(file):
        code = f"import sys; sys.modules['kelbo_program'] = sys\n{HOLDING}"  # Keras is not needed
        process = subprocess.Popen(
            [sys.executable, "-c", code, file], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_second_is_told_of_the_first_by_whatever_path(tmp_path, hold, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    process = hold(folder / ".lock")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    said = rf"in use by process {process.pid} on \S+ since 20\S+ \S+ \(kelbo fit digits\); wait"
    for path in (folder, tmp_path / "link", folder.relative_to(tmp_path)):
        with pytest.raises(InputError, match=said), locked(path / ".lock", "kelbo plot", print):
            pass
    folder.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="is in use"), locked(tmp_path / "moved/.lock", "", print):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path, hold):
    process = hold(tmp_path / ".lock")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path / ".lock", "", print):
        pass
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("content", ["", "[]", "{", "\0", "[" * 20_000, '{"process": "x"}'])
def test_a_holder_that_is_not_known(tmp_path, content):
    file = tmp_path / ".lock"
    with locked(file, "", print):
        file.write_text(content)
        with (
            pytest.raises(InputError, match="in use by another process; wait"),
            locked(file, "", print),
        ):
            pass


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def fail(handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_acquire", fail)
    said, done = [], []
    with locked(tmp_path / ".lock", "", said.append):
        done.append(True)
    assert done
    assert len(said) == 1
    assert "knows no locks; see to it" in said[0]


def test_nothing_is_written_where_another_process_works(finished, small, tmp_path, monkeypatch):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    opened = runs.load_run(folder)
    monkeypatch.setattr("kelbo.runs.fitting._prepare", None)  # it is not even begun
    with locked(folder / ".lock", "kelbo fit", print):
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        for act in (
            lambda: runs.fit(small, folder, force=True),
            lambda: runs.resume(folder, {"epochs": 5}),
            lambda: runs.plot(opened),
        ):
            with pytest.raises(InputError, match=f"is in use by process {os.getpid()} on"):
                act()
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
        assert runs.load_run(folder).run == opened.run  # what only reads goes on


def test_two_new_runs_take_two_folders(small, tmp_path, monkeypatch, without_figures):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/digits").mkdir(parents=True)
    first = runs.RunFolder(tmp_path / "runs/digits")
    with locked(first.lock, "", print):
        first.write_settings(small, "0" * 32)
        result = runs.fit(small.replace(epochs=1))
    assert result.path.name == "digits-2"
