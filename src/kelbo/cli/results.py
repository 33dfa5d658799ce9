"""Figures as tables on the screen."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from kelbo.cli.screen import console, say

_BOUND = ("loss", "reconstruction", "kl")


def show_summary(summary: Mapping[str, Any]) -> None:
    """Prints the final figures of a run."""
    parts = {name: summary[name] for name in ("train", "validation") if name in summary}
    show_bounds(parts, summary.get("log_likelihood"))
    show_verdict(summary.get("verdict"))


def show_verdict(verdict: Mapping[str, Any] | None) -> None:
    """Prints what is to be said of a fit, and what to try.

    Args:
        verdict: As `kelbo.evaluation.Verdict.as_dict` makes it; None of a run that has none.
    """
    if verdict is not None:
        from kelbo.evaluation import Verdict  # loads Keras, which the help does not need

        console().print(Verdict.from_dict(verdict))


def show_bounds(
    parts: Mapping[str, Mapping[str, float]], log_likelihood: Mapping[str, Any] | None
) -> None:
    """Prints loss, reconstruction and divergence of some parts, and a log-likelihood.

    Args:
        parts: Figures in nats per example, by part.
        log_likelihood: As `kelbo.runs.evaluate` returns it, or None.
    """
    table = Table(title="nats per example", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in _BOUND:
        table.add_column(name, justify="right")
    for part, values in parts.items():
        table.add_row(part, *(f"{values[name]:.3f}" for name in _BOUND))
    console().print(table)
    if log_likelihood:
        error = log_likelihood["standard_error"]
        spread = "" if error is None else f" ± {error:.3f}"
        say(
            f"log-likelihood {log_likelihood['nats_per_example']:.3f}{spread} "
            f"({log_likelihood['samples']} samples, {log_likelihood['examples']} examples)"
        )


def show_datasets(infos: Iterable[Any]) -> None:
    """Prints the known data sets."""
    table = Table(box=None, pad_edge=False)
    for name in ("name", "what", "train", "test", "shape", "classes", "where", "licence"):
        table.add_column(name, justify="right" if name in ("train", "test", "classes") else "left")
    for info in infos:
        table.add_row(
            info.name,
            info.description,
            str(info.train_examples),
            str(info.test_examples),
            " x ".join(map(str, info.event_shape)),
            str(info.classes or ""),
            info.where,
            info.licence,
        )
    console().print(table)
