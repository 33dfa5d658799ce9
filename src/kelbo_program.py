"""The program `kelbo`.

It stands outside of the package, which loads Keras unless this module is loaded first: `--help`, a
mistyped option and Ctrl-C are answered before, and a wrong backend ends in one line like any other
mistake.
"""

import atexit
import signal
import sys

_BAD_INPUT, _INTERRUPTED = 2, 130


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:] == ["--version"]:
        _print_version()
        return
    try:
        _run()
    except KeyboardInterrupt:  # before the command line has begun to listen, or after
        _complain("interrupted")
        sys.exit(_INTERRUPTED)
    finally:
        # All is done, or said: what Python does as it ends is not to be broken off.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _run() -> None:
    try:
        from kelbo.interruption import ending_at_once

        with ending_at_once():
            from kelbo.cli import main as run
    except ImportError as error:  # the backend, or another package that is not there
        _complain(str(error))
        sys.exit(_BAD_INPUT)
    run()


def _print_version() -> None:
    from importlib.metadata import version

    print(f"kelbo {version('kelbo')}")


def _complain(message: str) -> None:
    print(f"kelbo: {' '.join(message.split())}", file=sys.stderr, flush=True)
