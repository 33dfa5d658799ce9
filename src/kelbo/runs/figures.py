"""The final figures of a model, in nats per example."""

import numpy as np

from kelbo.evaluation import ImportanceEstimate, importance_log_likelihood
from kelbo.models import VAE
from kelbo.parts import number_of_rows, rows_of
from kelbo.runs.data import Examples

METRICS = ("loss", "reconstruction", "kl")


def bound(model: VAE, x: Examples, batch_size: int) -> dict[str, float]:
    """Loss, reconstruction and divergence of the examples, averaged over them.

    Args:
        model: The model.
        x: Examples, with their context where the model takes one.
        batch_size: Examples per step. That of the fit gives the very figures of its epochs, from
            the code that is compiled already.

    Returns:
        `loss`, `reconstruction` and `kl`, in nats per example.
    """
    logs = model.evaluate(x, batch_size=batch_size, verbose=0, return_dict=True)
    return {name: float(logs[name]) for name in METRICS}


def estimate(
    model: VAE, x: Examples, samples: int, examples: int | None = None, seed: int = 0
) -> ImportanceEstimate:
    """Importance-sampled log-likelihood of some of the examples.

    Args:
        model: The model.
        x: Examples, with their context where the model takes one.
        samples: Importance samples per example.
        examples: At most so many of the examples, drawn by `seed`; None for all.
        seed: Of the choice and of the samples.

    Returns:
        The estimate, with what says whether to believe it.
    """
    number = number_of_rows(x)
    if examples is not None and examples < number:
        x = rows_of(x, np.sort(np.random.default_rng(seed).permutation(number)[:examples]))
    return importance_log_likelihood(model, x, samples, seed)


def log_likelihood(found: ImportanceEstimate) -> dict[str, float | int | None]:
    """The figures of an estimate, and how sure they are.

    Args:
        found: The estimate.

    Returns:
        `nats_per_example`, its `standard_error` over the examples (None for one), the numbers of
        `samples` and `examples`, the median `effective_sample_size`, and of how many examples
        `pareto_k` is too large, or cannot be told, to believe their estimate.
    """
    values = found.log_likelihood
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
    return {
        "nats_per_example": float(values.mean()),
        "standard_error": None if error is None else float(error),
        "samples": found.samples,
        "examples": len(values),
        "effective_sample_size": float(np.median(found.effective_sample_size)),
        "pareto_k_too_large": int(np.sum(found.unreliable)),
    }
