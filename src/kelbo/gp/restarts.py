"""Fits that start again elsewhere, of which the best counts."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.layers.weights import constrained_weights
from kelbo.training.quasi_newton import Minimum, Search


def best_of_restarts(
    model: keras.Model,
    loss: Callable[..., Any],
    arguments: Sequence[Any],
    max_iterations: int,
    restarts: int,
    on_iteration: Callable[[int, float], None] | None = None,
) -> Minimum:
    """Minimises a loss from the present parameters, and from others.

    Args:
        model: Whose trainable variables are changed; its `seed` decides where it starts again.
        loss: Takes `arguments`, returns a scalar.
        arguments: Tensors.
        max_iterations: Of each search.
        restarts: How often it starts again.
        on_iteration: Called with the number of the iteration of a search, and the loss.

    Returns:
        The best end, at which the variables are.

    Raises:
        ValueError: The loss is not finite at the present parameters.
        KeyboardInterrupt: Ctrl-C; the variables are at the best end so far.
    """
    variables = model.trainable_variables

    search = Search(loss, variables, arguments)
    start = _values(variables)
    best = search(max_iterations, on_iteration=on_iteration)
    found = _values(variables)
    rng = np.random.default_rng(model.seed)
    try:
        for _ in range(restarts):
            _assign(variables, start)
            _move(model, rng)
            try:
                other = search(max_iterations, on_iteration=on_iteration)
            except ValueError:  # not finite there: no place to start from
                continue
            if other.loss < best.loss:
                best, found = other, _values(variables)
    finally:
        _assign(variables, found)
    return best


def _values(variables):
    return [ops.convert_to_numpy(variable.value) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _move(model, rng):
    """Parameters with a prior are drawn from it; others are multiplied by a log-normal draw."""
    for weight in constrained_weights(model):
        if not weight.trainable:
            continue
        if weight.prior is not None:
            drawn = weight.prior.sample(seed=int(rng.integers(2**31)))
            weight.assign(ops.broadcast_to(drawn, weight.shape))
        else:
            value = ops.convert_to_numpy(weight())
            weight.assign(value * np.exp(rng.normal(size=value.shape)))
