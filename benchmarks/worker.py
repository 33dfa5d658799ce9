"""The child process of one contender: it waits on its pipe, without using the CPU, to be told."""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

REST = 0.05  # seconds after a round, for thread pools go on spinning for some ms


def serve(connection: Connection, module: str, problem: Any) -> None:
    """Sets the contender up, then runs a round whenever ``True`` comes through the pipe.

    Each answer is a dictionary: what the contender's ``round`` returned under ``figures``, with
    the seconds per unit of work and what the process used; or ``error``, and the process ends.

    Args:
        connection: The child's end of the pipe.
        module: Name of the module whose class ``Contender`` is run.
        problem: Passed to the contender.
    """
    os.environ["KERAS_BACKEND"] = "jax"
    try:
        contender = importlib.import_module(module).Contender(problem)
        contender.setup()
        work = getattr(contender, "work", problem.work)
        connection.send({"note": getattr(contender, "note", ""), "memory": peak_memory()})
        rest = (time.perf_counter(), time.process_time())
        while connection.recv():
            start = (time.perf_counter(), time.process_time())
            figures = contender.round()
            end = (time.perf_counter(), time.process_time())
            time.sleep(REST)
            connection.send(
                {
                    "seconds": (end[0] - start[0]) / work,
                    "cpu_busy": end[1] - start[1],
                    "waited": start[0] - rest[0],
                    "cpu_waiting": start[1] - rest[1],
                    "memory": peak_memory(),
                    "figures": figures,
                }
            )
            rest = (time.perf_counter(), time.process_time())
    except (EOFError, BrokenPipeError):
        return  # the parent is gone
    except ModuleNotFoundError as error:
        absent = "." not in error.name  # a package, not a missing part of one that is there
        message = f"not installed: {error.name}" if absent else str(error)
        connection.send({"error": message, "absent": absent})
    except Exception as error:
        traceback.print_exc()
        connection.send({"error": f"{type(error).__name__}: {error}", "absent": False})


def peak_memory() -> int:
    """Returns the largest resident size that this process has had, in bytes.

    On Linux from ``/proc``: the figure of ``getrusage`` starts at that of the parent process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
