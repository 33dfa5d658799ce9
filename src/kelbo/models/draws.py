"""Predictions of many draws of a random network."""

from typing import Any

import keras

from kelbo import ops
from kelbo.intake import as_parts
from kelbo.keras_internals import layers_within
from kelbo.layers.weight_draws import weight_draws
from kelbo.parameters import whole_number
from kelbo.training import FusedTrainer, map_rows
from kelbo.training.clock import seed_states, set_seeds
from kelbo.training.mode import random_layers_in_training
from kelbo.training.state import model_state

_CACHE = "_kelbo_draws"


def predict_draws(
    model: keras.Model, x: Any, draws: int = 100, seed: int = 0, batch_size: int = 512
) -> Any:
    """What a model with random layers returns for x, under each of many draws of those layers.

    The draws are folded into the batch, so that all of them take one compiled call. Each is one
    draw of the weights of every `layers.DenseVariational`, whatever its estimator, and the same for
    all rows of x: a function, whose values at different x belong together. Other random layers
    draw for each row by themselves, those that are random in training only too (`Dropout`,
    `GaussianNoise`, any layer that owns a `keras.random.SeedGenerator` or has one within that
    does): Monte Carlo dropout. Layers that are not random, such as `BatchNormalization`, are as in
    inference. The spread over the draws is what the model does not know (epistemic uncertainty).

    Args:
        model: A `keras.Model` that is built.
        x: Array of shape (n, ...), or a nest of them.
        draws: How many draws $S$.
        seed: Integer seed: same seed, same networks.
        batch_size: Rows of x per compiled call, each of them S times.

    Returns:
        What the model returns, with an axis of S draws in front: a tensor of shape (S, n, ...), or
        a nest of them.

    Raises:
        ValueError: `draws` is not a whole number of at least 1, or x is empty.

    Example:
        >>> import keras, numpy as np, kelbo as kb
        >>> layer = kb.layers.DenseVariational(2, kl_weight=0.01)
        >>> model = keras.Sequential([keras.Input((3,)), layer])
        >>> kb.models.predict_draws(model, np.zeros((5, 3), "float32"), draws=10).shape
        (10, 5, 2)
    """
    draws = whole_number("predict_draws", "draws", draws)
    x = tuple(as_parts(part) for part in x) if isinstance(x, tuple) else as_parts(x)
    run = _compiled(model, draws)
    states, seed = seed_states(model), ops.whole_seed(seed)
    before = [ops.convert_to_numpy(state.value) for state in states]

    def batch(rows, _):
        set_seeds(states, seed)  # the same networks for every batch
        with ops.random.seeded_globally(seed):
            return run(rows)

    try:
        result = map_rows(batch, x, batch_size)
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)
    return keras.tree.map_structure(lambda a: ops.moveaxis(a, 1, 0), result)


def _compiled(model, draws):
    # In the model itself, past Keras' tracking: a cache by model that held it would keep it alive.
    cache = vars(model).setdefault(_CACHE, {})
    if draws not in cache:

        def run(x):
            tiled = keras.tree.map_structure(lambda a: _repeated(a, draws), x)
            # The generator of a model of Kelbo is for its training, not for its networks.
            layers = layers_within(model, include_self=not isinstance(model, FusedTrainer))
            with weight_draws(draws), random_layers_in_training(layers):
                outputs = model(tiled, training=False)
            return keras.tree.map_structure(lambda a: _by_row(a, draws), outputs)

        cache[draws] = ops.compile(run, lambda: model_state(model))
    return cache[draws]


def _repeated(x, draws):
    x = ops.convert_to_tensor(x)
    tiled = ops.tile(x[None], (draws, *[1] * len(x.shape)))
    return ops.reshape(tiled, (-1, *ops.shape(x)[1:]))


def _by_row(x, draws):
    return ops.moveaxis(ops.reshape(x, (draws, -1, *ops.shape(x)[1:])), 0, 1)
