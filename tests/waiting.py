"""Waiting for processes: until something happens, however busy the machine is."""

import subprocess
import time
from collections.abc import Callable

PATIENCE = 900.0
"""Seconds after which something hangs. It limits what has gone wrong, and decides nothing else."""

_PAUSE = 0.01


def output_of(process: subprocess.Popen) -> tuple[str, str]:
    """What the process has written by its end; it is killed where it has none."""
    try:
        return process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def wait_until(happened: Callable[[], bool], process: subprocess.Popen) -> None:
    """Returns when it has happened; fails when the process ends before."""
    ends = time.monotonic() + PATIENCE
    while not happened():
        if process.poll() is not None:
            assert happened(), process.communicate()
            return
        if time.monotonic() > ends:
            process.kill()
            raise AssertionError(f"it has not happened for {PATIENCE} seconds")
        time.sleep(_PAUSE)
