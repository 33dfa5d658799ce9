"""Ctrl-C that is heard: wherever Python happens to be when it comes.

Python raises `KeyboardInterrupt` between any two instructions of the main thread. Where that is
inside of a weak reference's callback, a finalizer or a callback of the garbage collector (JAX has
one), the exception is printed and lost; where a library catches everything, it is taken for
something else.
"""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C has ended: 128 and the number of the signal."""

_AGAIN_AFTER = 0.01  # seconds: what could not raise has ended by then


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """In the block Ctrl-C ends the process, after one line.

    For the time in which libraries are loaded: those that are optional are often imported between
    `try` and `except`, where an exception would be taken for a library that is not there. Nothing
    may have been begun that would have to be put in order.
    """
    with _handled(_end):
        yield


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C in the block is raised when the block ends; a second one at once.

    For what takes a moment and is worth nothing when it is not whole, in libraries whose state an
    exception could leave half changed.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the block.

    Example:
        >>> import signal
        >>> done = []
        >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
        >>> try:
        ...     with held_back():
        ...         signal.raise_signal(signal.SIGINT)  # Ctrl-C
        ...         done.append("whole")
        ... except KeyboardInterrupt:
        ...     print(done)
        ... finally:
        ...     _ = signal.signal(signal.SIGINT, before)
        ['whole']
    """
    requests = []

    def note(signum: int, frame: Any) -> None:
        requests.append(signum)
        if len(requests) > 1:
            raise KeyboardInterrupt

    with _handled(note):
        yield
    if requests:
        raise KeyboardInterrupt


@contextlib.contextmanager
def raised_again() -> Iterator[None]:
    """In the block a `KeyboardInterrupt` that Python could not raise is raised again right after.

    Python calls `sys.unraisablehook` with an exception from a place that has no caller to raise it
    to.
    """
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        # From another thread: here, and as long as this has not returned, it would be lost again.
        # Without the locks of `threading`, which the main thread may hold.
        _thread.start_new_thread(_interrupt_again, ())

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _interrupt_again() -> None:
    time.sleep(_AGAIN_AFTER)
    if hasattr(signal, "pthread_kill"):  # ends a wait too, where that is what came next
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()


@contextlib.contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Sets the handler of Ctrl-C, unless somebody has set another one, or none is to hear it."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(signum: int, frame: Any) -> NoReturn:
    print("kelbo: interrupted", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)
