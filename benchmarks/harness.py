"""Runs the contenders of a benchmark in turns and sums the rounds up."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmarks.machine import busy_seconds
from benchmarks.registry import Benchmark
from benchmarks.worker import serve


@dataclass
class Outcome:
    """What one contender did; the lists have one entry per round that counts.

    Attributes:
        name: The contender.
        error: Why there are no rounds, else empty.
        absent: Whether the error is a package that is not installed.
        note: What the contender says of itself, such as that its time is scaled.
        seconds: Per unit of work.
        figures: What the last round returned, such as the loss.
        memory_setup: Peak resident size before the first round, in bytes.
        memory: Peak resident size of the process, in bytes.
        cpu_busy: CPU seconds spent in the rounds.
        waited: Seconds between the rounds, in which it should have waited.
        cpu_waiting: CPU seconds that it spent all the same.
    """

    name: str
    error: str = ""
    absent: bool = False
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    memory_setup: int = 0
    memory: int = 0
    cpu_busy: float = 0.0
    waited: float = 0.0
    cpu_waiting: float = 0.0

    @property
    def restlessness(self) -> float:
        """The share of a CPU that the process used while it should have waited."""
        return self.cpu_waiting / self.waited if self.waited else 0.0


@dataclass
class Result:
    """One benchmark's run.

    Attributes:
        benchmark: What was run.
        outcomes: In the order of the benchmark's contenders.
        others: CPU seconds that other processes used per second of the run, where it is known.
    """

    benchmark: Benchmark
    outcomes: list[Outcome]
    others: float | None = None

    @property
    def failed(self) -> bool:
        """Whether a contender broke; one that is not installed did not."""
        return any(outcome.error and not outcome.absent for outcome in self.outcomes)

    def summary(self) -> list[dict[str, Any]]:
        """Returns one dictionary of numbers per contender, ready for JSON and tables."""
        by_name = {outcome.name: outcome for outcome in self.outcomes}
        rows = []
        for outcome in self.outcomes:
            row = asdict(outcome)
            if outcome.seconds:
                row["median"] = float(np.median(outcome.seconds))
                row["quartiles"] = np.quantile(outcome.seconds, [0.25, 0.75]).tolist()
                row["ratios"] = {
                    name: ratio(outcome.seconds, by_name[name].seconds)
                    for name in self.benchmark.references
                    if name in by_name and by_name[name].seconds
                }
            rows.append(row)
        return rows


def ratio(seconds: list[float], reference: list[float]) -> dict[str, float]:
    """Returns median, 5 % and 95 % quantile of the ratio taken round by round.

    A disturbance that lasts for a whole round slows both, and cancels.
    """
    low, median, high = np.quantile(np.divide(seconds, reference), [0.05, 0.5, 0.95])
    return {"median": float(median), "low": float(low), "high": float(high)}


class Worker:
    """A contender in its own process, so that frameworks do not disturb each other."""

    def __init__(self, name: str, module: str, problem: Any):
        context = multiprocessing.get_context("spawn")
        self.outcome = Outcome(name)
        self._connection, childs_end = context.Pipe()
        self._process = context.Process(
            target=serve, args=(childs_end, module, problem), daemon=True
        )
        self._process.start()
        childs_end.close()
        answer = self._receive()
        self.outcome.note = answer.get("note", "")
        self.outcome.memory_setup = self.outcome.memory = answer.get("memory", 0)

    def round(self, counts: bool) -> None:
        """Runs one round; its time is kept if `counts`."""
        if self.outcome.error:
            return
        answer = self._receive(ask=True)
        if self.outcome.error:
            self.outcome.seconds.clear()
            return
        self.outcome.memory = answer["memory"]
        self.outcome.figures = answer["figures"]
        if counts:
            self.outcome.seconds.append(answer["seconds"])
            self.outcome.cpu_busy += answer["cpu_busy"]
            self.outcome.waited += answer["waited"]
            self.outcome.cpu_waiting += answer["cpu_waiting"]

    def close(self) -> None:
        """Lets the process end, or ends it."""
        with contextlib.suppress(OSError):
            self._connection.send(False)
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
        self._connection.close()

    def _receive(self, ask: bool = False) -> dict[str, Any]:
        try:
            if ask:
                self._connection.send(True)
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            answer = {"error": f"the process ended with status {self._process.exitcode}"}
        self.outcome.error = answer.get("error", "")
        self.outcome.absent = answer.get("absent", False)
        return answer


def run(benchmark: Benchmark, progress: Callable[[str], None] = lambda text: None) -> Result:
    """Runs a benchmark: set-ups one by one, then rounds in which the contenders take turns.

    Who goes first moves on by one from round to round, so that nobody always follows the same.

    Args:
        benchmark: What to run.
        progress: Called with a line on what happens now.

    Returns:
        The outcomes of all contenders, those that failed or are not installed included.
    """
    workers: list[Worker] = []
    try:
        for name, module in benchmark.contenders.items():
            progress(f"{benchmark.name}: setting up {name}")
            workers.append(Worker(name, module, benchmark.problem))
        start = (time.perf_counter(), busy_seconds())
        for index in range(benchmark.warmup + benchmark.rounds):
            if index == benchmark.warmup:
                start = (time.perf_counter(), busy_seconds())
            for position in range(len(workers)):
                worker = workers[(index + position) % len(workers)]
                progress(f"{benchmark.name}: round {index + 1}, {worker.outcome.name}")
                worker.round(counts=index >= benchmark.warmup)
        outcomes = [worker.outcome for worker in workers]
        return Result(benchmark, outcomes, _others(start, outcomes))
    finally:
        for worker in workers:
            worker.close()


def _others(start: tuple[float, float | None], outcomes: list[Outcome]) -> float | None:
    busy = busy_seconds()
    if busy is None or start[1] is None:
        return None
    own = sum(outcome.cpu_busy for outcome in outcomes)
    return max(0.0, busy - start[1] - own) / (time.perf_counter() - start[0])
