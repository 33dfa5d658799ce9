"""The command line of ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks import harness, machine, tables
from benchmarks.problems import FitProblem, LikelihoodProblem, MissingData, TrainingProblem
from benchmarks.registry import BENCHMARKS, GROUPS, Benchmark, quick

CHECK_EPOCHS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks that are named and prints, and writes, what they gave.

    Args:
        arguments: The command line; that of the process by default.

    Returns:
        The exit status: 0, or 1 if data were missing, a contender broke or ``--check`` failed.
    """
    options = _parse(arguments)
    console = Console()
    console.width = max(console.width, 100)
    here = machine.describe()
    console.print(", ".join(f"{name} {value}" for name, value in here.items()), highlight=False)
    results, ok = [], True
    for name in options.names:
        benchmark = _adjust(BENCHMARKS[name], options)
        try:
            benchmark.problem.require()
        except MissingData as error:
            console.print(f"{name}: skipped, {error}", style="red")
            ok = False
            continue
        with console.status(name) as status:
            result = harness.run(benchmark, status.update)
        results.append(result)
        ok &= not result.failed
        if options.check:
            lines, agree = tables.losses(result)
            console.print(name, *lines, sep="\n", highlight=False)
            ok &= agree
        else:
            console.print(tables.screen(result))
            console.print(*tables.warnings(result), sep="\n", style="yellow")
    if options.json:
        options.json.write_text(json.dumps(tables.document(results, here), indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(tables.markdown(results, here))
    return 0 if ok else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"of {', '.join([*BENCHMARKS, *GROUPS])}; default: all",
    )
    parser.add_argument("--contenders", metavar="A,B", help="only these")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="rounds that count")
    parser.add_argument(
        "--epochs", type=_positive, metavar="N", help="epochs per fit and round, when training"
    )
    parser.add_argument("--images", type=_positive, metavar="N", help="images of log_likelihood")
    parser.add_argument("--quick", action="store_true", help="some seconds, not to be reported")
    parser.add_argument(
        "--check", action="store_true", help="no times: do the contenders compute the same?"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every number measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="tables for the docs")
    options = parser.parse_args(arguments)
    named = options.names or list(BENCHMARKS)
    options.names = [one for name in named for one in GROUPS.get(name, [name])]
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        known = ", ".join([*BENCHMARKS, *GROUPS])
        parser.error(f"no benchmark {', '.join(unknown)}; there are {known}")
    if options.contenders:
        options.contenders = options.contenders.split(",")
        known = {c for name in options.names for c in BENCHMARKS[name].contenders}
        if not known.issuperset(options.contenders):
            parser.error(f"--contenders {options.contenders}: there are {', '.join(sorted(known))}")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _adjust(benchmark: Benchmark, options: argparse.Namespace) -> Benchmark:
    if options.quick:
        benchmark = quick(benchmark)
    if options.epochs and isinstance(benchmark.problem, FitProblem):
        benchmark = replace(benchmark, problem=replace(benchmark.problem, epochs=options.epochs))
    if options.images and isinstance(benchmark.problem, LikelihoodProblem):
        unit = benchmark.unit.replace(
            f"{benchmark.problem.images} images", f"{options.images} images"
        )
        problem = replace(benchmark.problem, images=options.images)
        benchmark = replace(benchmark, problem=problem, unit=unit)
    if options.rounds:
        benchmark = replace(benchmark, rounds=options.rounds)
    if options.check:
        # The others compute the same in each round; a fit of a VAE goes on where it was.
        goes_on = isinstance(benchmark.problem, TrainingProblem)
        rounds = math.ceil(CHECK_EPOCHS / benchmark.problem.work) if goes_on else 1
        benchmark = replace(benchmark, rounds=rounds, warmup=0)
    if options.contenders:
        chosen = {n: m for n, m in benchmark.contenders.items() if n in options.contenders}
        benchmark = replace(benchmark, contenders=chosen)
    return benchmark
