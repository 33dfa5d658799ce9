"""The verdict on a fit: all that can be said of it, and what to try."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.evaluation.aggregate import aggregate_draws
from kelbo.evaluation.collapse import PosteriorCollapse, collapse_of
from kelbo.evaluation.coordinates import count
from kelbo.evaluation.finding import Finding, Verdict
from kelbo.evaluation.importance import ImportanceEstimate, importance_log_likelihood
from kelbo.evaluation.latent_findings import (
    collapse_findings,
    mismatch_findings,
    weight_findings,
)
from kelbo.evaluation.latent_model import LatentModel, NotNumbersError
from kelbo.evaluation.mismatch import AggregateMismatch, mismatch_of
from kelbo.evaluation.training_findings import training_findings
from kelbo.models import LatentVariableModel
from kelbo.parts import map_parts, rows_of

# Numbers in memory at once where all pairs of examples are scored in one call.
_BLOCK = 20_000_000


def judge(
    history: Mapping[str, Sequence[float | None]] | None = None,
    collapse: PosteriorCollapse | None = None,
    mismatch: AggregateMismatch | None = None,
    estimate: ImportanceEstimate | None = None,
    *,
    epoch_of_weights: int | None = None,
    start: float | None = None,
) -> Verdict:
    """The verdict that measures of a fit make; of those that are given.

    Args:
        history: A value per epoch by name (`History.history`): was there an improvement, is the
            loss still falling, did it jump, does validation rise or lie far above training? For
            any model that is trained by a loss.
        collapse: What `posterior_collapse` returns.
        mismatch: What `aggregate_posterior_mismatch` returns.
        estimate: What `importance_log_likelihood` returns.
        epoch_of_weights: The epoch whose weights were kept, from 1, where that is not the last.
        start: The loss before training, where it is known.

    Returns:
        A `Verdict`; `print` it.

    Example:
        >>> from kelbo import evaluation
        >>> print(evaluation.judge({"loss": [9.0, 5.0, 3.1, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]}))
        nothing suspicious: the loss has fallen and settled
    """
    findings: list[Finding] = []
    if collapse is not None:
        findings += collapse_findings(collapse)
    if mismatch is not None:
        findings += mismatch_findings(mismatch)
    if history is not None:
        error = None
        if estimate is not None and len(estimate.log_likelihood) > 1:
            spread = float(np.std(estimate.log_likelihood, ddof=1))
            error = spread / math.sqrt(len(estimate.log_likelihood))
        findings += training_findings(history, epoch_of_weights, start, error)
    if estimate is not None:
        findings += weight_findings(estimate)
    return Verdict.of(findings)


def verdict(
    model: LatentVariableModel,
    x: Any,
    history: Mapping[str, Sequence[float | None]] | None = None,
    *,
    samples: int = 1000,
    examples: int = 500,
    seed: int = 0,
    estimate: ImportanceEstimate | None = None,
    **training: Any,
) -> Verdict:
    """Looks at a trained model from all sides: what is wrong with it, and what to try.

    It measures `posterior_collapse`, `aggregate_posterior_mismatch` and
    `importance_log_likelihood` of some of the examples, and judges them together with the
    figures of the epochs; see docs/evaluation.md for the limits. A verdict that finds nothing says
    what it looked at.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape), best those that it was not trained on.
        history: The figures of its epochs, `model.fit(...).history`; None where they are not known.
        samples: Importance samples per example; 0 leaves the log-likelihood out.
        examples: At most so many of the examples, drawn by `seed`.
        seed: Integer seed.
        estimate: An estimate of the log-likelihood that was made already, of any examples.
        training: `epoch_of_weights` and `start`; see `judge`.

    Returns:
        A `Verdict`; `print` it (or `rich.print`).

    Raises:
        TypeError: `model` is no VAE.
        ValueError: The examples have another shape, or values that are not finite.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> found = kb.evaluation.verdict(vae, np.zeros((4, 3), "float32"), samples=0)
        >>> found.findings[0].name
        'posterior_collapse'
    """
    latent = LatentModel("verdict", model)
    seed = ops.whole_seed(seed)
    rows = _some(latent.examples(x), examples, seed)
    if estimate is None and samples:
        estimate = importance_log_likelihood(model, rows, samples, seed)
    number = count(rows)
    if number < 2:
        return judge(history, None, None, estimate, **training)
    batch_size = min(number, max(1, math.isqrt(_BLOCK // max(latent.latent_size, 1))))
    try:
        draws = aggregate_draws("verdict", model, rows, seed, batch_size, verbose=False)
        measures = collapse_of(draws), mismatch_of(draws, latent, seed=seed)
    except NotNumbersError as error:  # of x that are well: the very thing to be told
        broken = Finding("not_numbers", "fault", str(error).removeprefix("verdict: "))
        told = judge(history, None, None, estimate, **training)
        return Verdict.of([broken, *told.findings, *told.fine])
    return judge(history, *measures, estimate, **training)


def _some(rows: Any, most: int, seed: int) -> Any:
    number = count(rows)
    if number <= most:
        return rows
    chosen = np.sort(np.random.default_rng(seed).permutation(number)[:most])
    return rows_of(map_parts(ops.convert_to_numpy, rows), chosen)
