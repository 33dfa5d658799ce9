"""The verdict on a run, and which options of `kelbo fit` to try."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from kelbo import evaluation
from kelbo.datasets import Dataset
from kelbo.evaluation import Finding, ImportanceEstimate, Verdict
from kelbo.models import VAE
from kelbo.runs import figures
from kelbo.runs.building import build_model
from kelbo.runs.config import FitConfig
from kelbo.runs.data import Examples


def run_verdict(
    path: Path,
    model: VAE,
    config: FitConfig,
    x: Examples,
    history: Mapping[str, Sequence[float]] | None,
    estimate: ImportanceEstimate | None,
    epoch_of_weights: int | None = None,
    start: float | None = None,
) -> Verdict:
    """Judges a trained model and the curves of its fit.

    Args:
        path: The run folder, for commands that are told.
        model: The trained model.
        config: Its settings.
        x: The examples to judge by, with their context where the model takes one.
        history: Figures per epoch; None where they are not known.
        estimate: The log-likelihood of some of the examples, or None.
        epoch_of_weights: The epoch whose weights were kept, from 1.
        start: The loss before training, where it is known.

    Returns:
        The verdict, with options to try.
    """
    found = evaluation.verdict(
        model,
        x,
        history,
        samples=0,
        seed=config.seed,
        estimate=estimate,
        start=start,
        epoch_of_weights=epoch_of_weights,
    )
    told = [_with_options(finding, config, path, history) for finding in found.findings]
    return dataclasses.replace(found, findings=tuple(told))


def loss_before_training(
    config: FitConfig, data: Dataset, history: Mapping[str, Sequence[float]]
) -> float | None:
    """The loss of the untrained model, where the epochs alone look as if nothing was learned.

    The first epoch of large data may have learned all there is.

    Args:
        config: The settings of the fit.
        data: Its data.
        history: Figures per epoch.

    Returns:
        Nats per training example, or None where there is no doubt.
    """
    if all(finding.name != "no_improvement" for finding in evaluation.judge(history).findings):
        return None
    return figures.bound(build_model(config, data), data.train, config.batch_size)["loss"]


def _with_options(finding, config, path, history):
    options = _options(finding, config, path, history)
    return dataclasses.replace(finding, advice=(options, *finding.advice)) if options else finding


def _options(
    finding: Finding,
    config: FitConfig,
    path: Path,
    history: Mapping[str, Sequence[float]] | None,
) -> str | None:
    """What to type, in one line."""
    run = shlex.quote(str(path))
    rate = config.learning_rate or 1e-3
    epochs = len(next(iter((history or {}).values()), ()))
    smaller = f"--learning-rate {rate / 3:.1g}, --clip-norm 1, --posterior-minimum-scale 0.01"
    options = {
        "still_falling": f"kelbo fit --resume {run} --epochs {max(2 * epochs, 10)}",
        "posterior_collapse": "--decoder-hidden with fewer or smaller layers, --kl analytic, "
        "--learning-rate smaller; for tables, --scale standard",
        "inactive_units": "a smaller --latent-dim, if the log-likelihood does not suffer",
        "prior_mismatch": "--activation tanh, more --epochs, --posterior-minimum-scale 0.01"
        + (", --likelihood-minimum-scale 0.01" if config.likelihood == "normal" else ""),
        "instability": smaller,
        "overfitting": "--patience 20 (keeps the best weights), smaller --hidden",
        "no_improvement": f"--learning-rate, now {rate:g}: 0.003 is the default",
        "importance_weights": f"kelbo evaluate {run} --samples 10000; --posterior "
        "multivariate_normal",
        "not_numbers": smaller,
    }
    return options.get(finding.name)
