"""Importance weights, streamed over samples."""

import math
from collections.abc import Callable
from typing import Any

from kelbo import ops

# Samples that are in memory at once, per example.
_SAMPLES_PER_STEP = 40


def fold_weights(
    add: Callable[[Any, Any], Any],
    start: Any,
    log_weights: Callable[[int, ops.SeedSequence], Any],
    samples: int,
    seeds: ops.SeedSequence,
) -> Any:
    r"""Carries a value through many importance weights, few of them in memory at once.

    Args:
        add: Called as `add(value, block)` for each block of log weights, of shape (k, batch), the
            surplus of the last one -inf; returns the next value, of the same shapes.
        start: The first value: a nest of tensors.
        log_weights: Called as `log_weights(k, seeds)`, returns k log weights $\log w_s$ for each
            example, of shape (k, batch).
        samples: Number $S$ of weights per example.
        seeds: Where the draws come from.

    Returns:
        The last value.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.latent.weights import fold_weights
        >>> def largest(value, block): return ops.maximum(value, ops.max(block, axis=0))
        >>> def weights(k, seeds): return ops.ones((k, 2))
        >>> fold_weights(largest, ops.zeros((2,)), weights, 100, ops.SeedSequence(0))
        [1., 1.]
    """
    at_once = min(samples, _SAMPLES_PER_STEP)
    steps = -(-samples // at_once)

    def next_value(step, value):
        weights = log_weights(at_once, seeds.fold_in(step + 1))
        if samples % at_once:
            index = step * at_once + ops.arange(at_once, dtype="int32")
            surplus = ops.expand_dims(index >= samples, 1)
            weights = ops.where(surplus, ops.full_like(weights, -float("inf")), weights)
        return add(value, weights)

    return ops.fori_loop(0, steps, next_value, start)


def log_mean_weight(
    log_weights: Callable[[int, ops.SeedSequence], Any],
    samples: int,
    batch_size: Any,
    seeds: ops.SeedSequence,
    dtype: str = "float32",
) -> Any:
    r"""$\log \frac{1}{S} \sum_s w_s$ over many importance weights, few of them in memory at once.

    Args:
        log_weights: Called as `log_weights(k, seeds)`, returns k log weights $\log w_s$ for each
            example, of shape (k, batch).
        samples: Number $S$ of weights per example.
        batch_size: Number of examples.
        seeds: Where the draws come from.
        dtype: The type of the weights.

    Returns:
        A tensor of shape (batch,), in nats.
    """

    def add(total, weights):
        return ops.logaddexp(total, ops.logsumexp(weights, axis=0))

    nothing = ops.full((batch_size,), -float("inf"), dtype=dtype)
    return fold_weights(add, nothing, log_weights, samples, seeds) - math.log(samples)
