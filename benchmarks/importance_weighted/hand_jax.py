"""The importance-weighted autoencoder by hand in plain JAX, as `training.hand_jax` is written.

One compiled call per epoch: ``lax.scan`` over its steps, data on the device, rows gathered inside
the scan, state donated, both heads as one matrix, ``log(1 + exp(-|l|))`` for the softplus.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.problems import ImportanceWeightedProblem
from benchmarks.training import hand_jax


class Contender(hand_jax.Contender):
    """Trains for the problem's number of epochs per round."""

    def initial_state(self):
        """Returns the weights, both means of gradients, and the number of steps."""
        weights = initial_weights(self.problem)
        means, squares = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
        return weights, means, squares, jnp.zeros(())

    @staticmethod
    def epoch(problem, state, data, order, key):
        """Returns the new state and the mean loss of the epoch."""
        return epoch(problem, state, data, order, key)


def initial_weights(problem: ImportanceWeightedProblem) -> list[tuple[jax.Array, jax.Array]]:
    """Returns (kernel, bias) of two hidden layers, both heads, two hidden layers, logits."""
    keys = iter(jax.random.split(jax.random.key(problem.seed + 1), 7))

    def glorot(fan_in: int, fan_out: int) -> jax.Array:
        return jax.nn.initializers.glorot_uniform()(next(keys), (fan_in, fan_out))

    features, hidden, latent = problem.features, problem.hidden, problem.latent
    kernels = [
        glorot(features, hidden),
        glorot(hidden, hidden),
        jnp.concatenate([glorot(hidden, latent), glorot(hidden, latent)], axis=1),
        glorot(latent, hidden),
        glorot(hidden, hidden),
        glorot(hidden, features),
    ]
    return [(kernel, jnp.zeros(kernel.shape[1])) for kernel in kernels]


def negative_bound(samples, weights, x, key):
    """Returns the mean over the batch, in nats; samples come first, so that x repeats."""
    (w1, b1), (w2, b2), (w3, b3), (w4, b4), (w5, b5), (w6, b6) = weights
    hidden = jnp.tanh(jnp.tanh(x @ w1 + b1) @ w2 + b2)
    mean, log_variance = jnp.split(hidden @ w3 + b3, 2, axis=1)
    noise = jax.random.normal(key, (samples, *mean.shape))
    z = mean + jnp.exp(0.5 * log_variance) * noise
    rows = z.reshape(-1, z.shape[-1])
    logits = jnp.tanh(jnp.tanh(rows @ w4 + b4) @ w5 + b5) @ w6 + b6
    logits = logits.reshape(samples, *x.shape)
    softplus = jnp.maximum(logits, 0) + jnp.log(1 + jnp.exp(-jnp.abs(logits)))
    log_likelihood = jnp.sum(x * logits - softplus, axis=-1)
    log_ratio = 0.5 * jnp.sum(noise**2 - z**2 + log_variance, axis=-1)
    bound = jax.nn.logsumexp(log_likelihood + log_ratio, axis=0) - jnp.log(samples)
    return -jnp.mean(bound)


def epoch(problem, state, data, order, key):
    """Returns the new state and the mean loss of the epoch."""
    batches = order.reshape(-1, problem.batch_size)
    keys = jax.random.split(key, len(batches))
    first, second = problem.beta_1, problem.beta_2

    def step(state, inputs):
        rows, key = inputs
        pixels, noise = jax.random.split(key)
        weights, means, squares, count = state
        images = data[rows]
        x = (jax.random.uniform(pixels, images.shape) < images).astype(images.dtype)
        loss, gradients = jax.value_and_grad(partial(negative_bound, problem.samples))(
            weights, x, noise
        )
        count = count + 1
        rate = problem.learning_rate * jnp.sqrt(1 - second**count) / (1 - first**count)
        means = jax.tree.map(lambda m, g: first * m + (1 - first) * g, means, gradients)
        squares = jax.tree.map(lambda s, g: second * s + (1 - second) * g * g, squares, gradients)
        weights = jax.tree.map(
            lambda w, m, s: w - rate * m / (jnp.sqrt(s) + problem.epsilon), weights, means, squares
        )
        return (weights, means, squares, count), loss

    state, losses = jax.lax.scan(step, state, (batches, keys))
    return state, losses.mean()
