"""One process writes into a run folder at a time."""

import contextlib
import datetime
import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from kelbo.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Beyond what is written: Windows lets nobody read what is locked.
_FAR = 1 << 30

_CONTENDED = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

_held_here: set[IO[str]] = set()


def _let_go_in_child() -> None:
    """A forked process shares the lock, and would hold it when this one is gone: it lets it go."""
    while _held_here:
        _held_here.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


class InUse(InputError):
    """Another process works in a folder."""


def require_unlocked(file: Path) -> None:
    """Checks that nobody holds the lock of a run folder at this moment.

    Args:
        file: The file that is locked.

    Raises:
        InUse: Somebody does.
    """
    if file.exists():
        with _taken(file, lambda message: None):
            pass


@contextlib.contextmanager
def locked(file: Path, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of a run folder for the time of the block.

    The operating system holds it for the process, whichever path led to the folder, and lets it go
    when the process ends, however it ends. What a killed process leaves is a file without a lock,
    which stops nobody. Processes that it has started or forked do not hold it.

    Args:
        file: The file that is locked; its folder must exist. It is gone after the block.
        command: What is being done, for those who come too late.
        say: Told where the file system has no locks.

    Raises:
        InUse: Another process, or another fit of this one, works in the folder.
        InputError: Nothing can be written in the folder.
    """
    handle = _taken(file, say)
    _held_here.add(handle)
    try:
        _write_holder(handle, command)
        try:
            yield
        finally:
            # In a forked process, which has let go, it is not for us to remove. Windows removes no
            # file that is open.
            if not handle.closed:
                with contextlib.suppress(OSError):
                    file.unlink()
    finally:
        _held_here.discard(handle)
        handle.close()


def _taken(file: Path, say: Callable[[str], None]) -> IO[str]:
    """The open file, locked."""
    while True:
        handle = _opened(file)
        try:
            _acquire(handle)
        except OSError as error:
            with handle:
                if error.errno in _CONTENDED:
                    raise _held(handle, file) from None
                if error.errno not in _UNSUPPORTED:
                    raise
            say(
                f"note: the file system of {file.parent} knows no locks; see to it that no other "
                "process works in this folder"
            )
            return _opened(file)
        if _is_there(handle, file):
            return handle
        handle.close()  # its last holder has removed it in the meantime


def _acquire(handle: IO[str]) -> None:
    if sys.platform == "win32":
        handle.seek(_FAR)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _opened(file: Path) -> IO[str]:
    # Neither a link to elsewhere nor a device is written to, and what stands there is kept: it
    # tells of the holder.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(file, flags, 0o666)
    except OSError as error:
        raise InputError(
            f"{file.parent}: cannot be written in ({file.name}: {error.strerror}); give another "
            "folder, or a copy of this one"
        ) from error
    return os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace")


def _is_there(handle: IO[str], file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    except FileNotFoundError:
        return False


def _write_holder(handle: IO[str], command: str) -> None:
    holder = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
        "command": command,
    }
    handle.seek(0)
    handle.truncate()
    handle.write(json.dumps(holder))
    handle.flush()


def _held(handle: IO[str], file: Path) -> InUse:
    who = "another process"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        handle.seek(0)
        holder = json.loads(handle.read(10_000))
        who = f"process {holder['process']:d} on {holder['host']:.100} since {holder['since']:.40}"
        who += f" ({holder['command']:.200})" if holder["command"] else ""
    return InUse(
        f"{file.parent}: is in use by {who}; wait until it has ended, or give another folder"
    )
