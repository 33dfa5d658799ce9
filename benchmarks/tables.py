"""Results as a table on the screen, as Markdown and as JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.harness import Result

SPINNING = 0.02  # share of a CPU above which a waiting contender is reported to disturb the others


def cells(result: Result) -> tuple[list[str], list[list[str]]]:
    """Returns the column titles and one row of texts per contender."""
    rows = result.summary()
    references = [r for r in result.benchmark.references if r in result.benchmark.contenders]
    titles = ["contender", "median", "quartiles", *(f"x {name}" for name in references)]
    titles += ["memory", "result", "note"]
    return titles, [_row(row, references) for row in rows]


def screen(result: Result) -> Table:
    """Returns the table for a terminal."""
    titles, rows = cells(result)
    table = Table(title=_title(result), title_justify="left")
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if 0 < index < len(titles) - 1 else "left")
    for row in rows:
        table.add_row(*row)
    return table


def markdown(results: list[Result], machine: dict[str, str]) -> str:
    """Returns the part of ``docs/benchmarks.md`` that is measured."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()) + "."]
    for result in results:
        titles, rows = cells(result)
        lines += ["", f"### {result.benchmark.name}", "", f"{_title(result)}.", ""]
        lines += [_line(titles), _line(["---"] * len(titles)), *map(_line, rows)]
        lines += [f"\n{text}" for text in warnings(result)]
    return "\n".join(lines) + "\n"


def document(results: list[Result], machine: dict[str, str]) -> dict[str, Any]:
    """Returns everything that was measured, every round included, ready for ``json.dump``."""
    return {
        "machine": machine,
        "benchmarks": [
            {
                "name": result.benchmark.name,
                "unit": result.benchmark.unit,
                "rounds": result.benchmark.rounds,
                "cpus_used_by_others": result.others,
                "contenders": result.summary(),
            }
            for result in results
        ],
    }


def losses(result: Result) -> tuple[list[str], bool]:
    """Returns a line per contender with its result, and whether they agree to the tolerance."""
    found = {o.name: _figure(o.figures) for o in result.outcomes}
    lines = [
        f"  {o.name:14s} {o.error or (f'{found[o.name]:.3f}' if o.figures else 'no result')}"
        for o in result.outcomes
    ]
    values = [value for value in found.values() if value is not None]
    spread = np.ptp(values) if values else 0.0  # NaN if one is, and that does not agree
    agree = spread <= result.benchmark.problem.tolerance
    verdict = "agree" if agree else "DISAGREE"
    lines.append(
        f"  {verdict}: {spread:.3f} nats apart, {result.benchmark.problem.tolerance} allowed"
    )
    return lines, agree


def warnings(result: Result) -> list[str]:
    """Returns what makes the figures doubtful: a busy machine, a contender that did not wait."""
    found = []
    if result.others is not None and result.others > 0.1:
        found.append(
            f"Other processes used {result.others:.2f} CPUs meanwhile: indicative figures only."
        )
    found += [
        f"{outcome.name} used {outcome.restlessness:.0%} of a CPU while it should have waited."
        for outcome in result.outcomes
        if outcome.restlessness > SPINNING and outcome.waited > 1  # s: too short to tell otherwise
    ]
    return found


def _title(result: Result) -> str:
    problem = result.benchmark.problem
    return (
        f"Time per {result.benchmark.unit}{problem.title}; {result.benchmark.rounds} rounds in "
        f"turns after {result.benchmark.warmup} thrown away; ratios taken round by round "
        "(5-95 % range)"
    )


def _row(row: dict[str, Any], references: list[str]) -> list[str]:
    if not row["seconds"]:
        return [row["name"], *([""] * (len(references) + 4)), row["error"]]
    low, high = row["quartiles"]
    ratios = [
        f"{r['median']:.2f} ({r['low']:.2f}-{r['high']:.2f})" if r else ""
        for r in (row["ratios"].get(name) for name in references)
    ]
    value = _figure(row["figures"])
    return [
        row["name"],
        _time(row["median"]),
        _time(low, high),
        *ratios,
        f"{row['memory'] / 1e6:.0f} MB",
        "" if value is None else f"{value:.2f}",
        row["note"],
    ]


def _figure(figures: dict[str, float]) -> float | None:
    return next(iter(figures.values()), None)


def _time(*seconds: float) -> str:
    scale, unit = (1e3, "ms") if seconds[0] < 0.1 else (1, "s")
    digits = max(0, 2 - math.floor(math.log10(seconds[0] * scale)))
    return "-".join(f"{s * scale:.{digits}f}" for s in seconds) + f" {unit}"


def _line(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
