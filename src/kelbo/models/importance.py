"""Importance-sampled log-likelihood, streamed over samples."""

from collections.abc import Callable
from typing import Any

from kelbo import ops

# Samples that are in memory at once, per example.
_SAMPLES_PER_STEP = 40


def log_mean_weight(
    log_weights: Callable[[int, ops.SeedSequence], Any],
    samples: int,
    batch_size: Any,
    seeds: ops.SeedSequence,
) -> Any:
    r"""$\log \frac{1}{S} \sum_s w_s$ over many importance weights, few of them in memory at once.

    Args:
        log_weights: Called as `log_weights(k, seeds)`, returns k log weights $\log w_s$ for each
            example, of shape (k, batch).
        samples: Number $S$ of weights per example.
        batch_size: Number of examples.
        seeds: Where the draws come from.

    Returns:
        A tensor of shape (batch,), in nats.
    """
    at_once = min(samples, _SAMPLES_PER_STEP)
    steps = -(-samples // at_once)

    def add(step, total):
        weights = log_weights(at_once, seeds.fold_in(step + 1))
        if samples % at_once:
            index = step * at_once + ops.arange(at_once, dtype="int32")
            surplus = ops.expand_dims(index >= samples, 1)
            weights = ops.where(surplus, ops.full_like(weights, -float("inf")), weights)
        return ops.logaddexp(total, ops.logsumexp(weights, axis=0))

    nothing = ops.full((batch_size,), -float("inf"), dtype="float32")
    return ops.fori_loop(0, steps, add, nothing) - ops.log(float(samples))
