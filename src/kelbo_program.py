"""The program `kelbo`.

It stands outside of the package, because importing anything of the package imports Keras. That
takes seconds, in which Ctrl-C and a wrong backend are to end in one line like later on.
"""

import os
import signal
import sys
from typing import Any, NoReturn

_BAD_INPUT, _INTERRUPTED = 2, 130


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:] == ["--version"]:
        _print_version()
        return
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        # An exception could be raised in any library's code, and be taken for something else there.
        signal.signal(signal.SIGINT, _leave)
    try:
        from kelbo.cli import main as run
    except ImportError as error:  # the backend, or another package that is not there
        _complain(str(error))
        sys.exit(_BAD_INPUT)
    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, heard)
    try:
        run()
    except KeyboardInterrupt:  # before the command line has begun to listen, or after
        _complain("interrupted")
        sys.exit(_INTERRUPTED)


def _print_version() -> None:
    from importlib.metadata import version

    print(f"kelbo {version('kelbo')}")


def _leave(signum: int, frame: Any) -> NoReturn:
    _complain("interrupted")
    os._exit(_INTERRUPTED)  # nothing has been begun


def _complain(message: str) -> None:
    print(f"kelbo: {' '.join(message.split())}", file=sys.stderr, flush=True)
