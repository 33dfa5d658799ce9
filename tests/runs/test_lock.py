"""One process works in a run folder at a time."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import types

import pytest

from kelbo import runs
from kelbo.errors import InputError
from kelbo.runs import lock
from kelbo.runs.lock import locked

HOLDING = """
import os, signal, sys
from pathlib import Path
from kelbo.runs.lock import locked
how, child = sys.argv[2], 0
begun, begin = os.pipe()
with locked(Path(sys.argv[1]), "kelbo fit digits", print):
    if how != "alone":
        child = os.fork()
        if not child and how == "fork and leave":
            sys.exit()
        if child and how == "fork and leave":
            child = os.waitpid(child, 0)[1]
        if how == "fork":  # the child has let go before it is said that there is one
            os.read(begun, 1) if child else os.write(begin, b" ")
    if child or how != "fork":
        print("held", child, flush=True)
    signal.pause()
"""


@pytest.fixture
def hold():
    """Starts processes that hold a lock until they are killed."""
    started, children = [], []

    def start(file, how="alone"):
        code = f"import sys; sys.modules['kelbo_program'] = sys\n{HOLDING}"  # Keras is not needed
        process = subprocess.Popen(
            [sys.executable, "-c", code, file, how], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        said, child = process.stdout.readline().split()
        assert said == "held"
        children.extend([int(child)] if int(child) else [])
        return process

    yield start
    for child in children:
        os.kill(child, signal.SIGKILL)
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


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_killed_process_leaves_no_lock(tmp_path, hold, how):
    """Nor do those that it has forked and that outlive it."""
    process = hold(tmp_path / ".lock", how)
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


def test_a_forked_process_that_leaves_the_block_leaves_the_lock(tmp_path, hold):
    hold(tmp_path / ".lock", "fork and leave")
    with pytest.raises(InputError, match="is in use"), locked(tmp_path / ".lock", "", print):
        pass


def test_on_windows_a_byte_beyond_the_content_is_locked(tmp_path, monkeypatch):
    calls = []

    def locking(descriptor, mode, count):
        calls.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))
        if len(calls) > 1:
            raise OSError(errno.EACCES, "Permission denied")

    msvcrt = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
    monkeypatch.setattr(lock, "msvcrt", msvcrt, raising=False)
    monkeypatch.setattr(lock.sys, "platform", "win32")
    file = tmp_path / ".lock"
    with (
        locked(file, "kelbo fit", print),
        pytest.raises(InputError, match=f"in use by process {os.getpid()} .*kelbo fit"),
        locked(file, "kelbo plot", print),
    ):
        pass
    assert calls == [(lock._FAR, 2, 1)] * 2
    assert not file.exists()


def test_a_folder_that_cannot_be_written_in(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(lock.os, "open", refuse)
    with (
        pytest.raises(
            InputError, match=r"cannot be written in .*Permission denied.* another folder"
        ),
        locked(tmp_path / ".lock", "", print),
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
