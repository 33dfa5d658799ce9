"""The VAE by hand in plain JAX: what a framework can at best be as fast as.

One compiled call per epoch: ``lax.scan`` over its steps, data on the device, rows gathered inside
the scan, state donated. Of what was tried, this was fastest on a CPU: the order of examples drawn
with numpy (sorting one on the device costs 10 % of an epoch), both heads as one matrix (2 %), and
``log(1 + exp(-|l|))`` (``log1p`` costs 5 %, ``jax.nn.softplus`` 15 %). Unrolling the scan, another
form of the root and a gradient of the likelihood by hand gained nothing.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problems import TrainingProblem


class Contender:
    """Trains for the problem's number of epochs per round."""

    def __init__(self, problem: TrainingProblem):
        self.problem = problem

    def setup(self) -> None:
        """Puts data and state on the device."""
        problem = self.problem
        self.data = jax.device_put(problem.load())
        self.generator = np.random.default_rng(problem.seed)
        self.key = jax.random.key(problem.seed)
        self.state = self.initial_state()
        self.run_epoch = jax.jit(partial(self.epoch, problem), donate_argnums=0)

    def initial_state(self):
        """Returns the weights, and the means of squared gradients."""
        weights = initial_weights(self.problem)
        return weights, jax.tree.map(jnp.zeros_like, weights)

    @staticmethod
    def epoch(problem, state, data, order, key):
        """Returns the new state and the mean loss of the epoch."""
        return epoch(problem, state, data, order, key)

    def round(self) -> dict[str, float]:
        """Runs the epochs, fetching the loss of each."""
        for _ in range(self.problem.epochs):
            order = self.generator.permutation(len(self.data)).astype("int32")
            self.key, key = jax.random.split(self.key)
            self.state, loss = self.run_epoch(self.state, self.data, order, key)
            loss = float(loss)
        return {"loss": loss}


def initial_weights(problem: TrainingProblem) -> list[tuple[jax.Array, jax.Array]]:
    """Returns (kernel, bias) of hidden, heads (mean and log variance), hidden, logits."""
    keys = iter(jax.random.split(jax.random.key(problem.seed + 1), 5))

    def glorot(fan_in: int, fan_out: int) -> jax.Array:
        return jax.nn.initializers.glorot_uniform()(next(keys), (fan_in, fan_out))

    features, hidden, latent = problem.features, problem.hidden, problem.latent
    kernels = [
        glorot(features, hidden),
        jnp.concatenate([glorot(hidden, latent), glorot(hidden, latent)], axis=1),
        glorot(latent, hidden),
        glorot(hidden, features),
    ]
    return [(kernel, jnp.zeros(kernel.shape[1])) for kernel in kernels]


def negative_elbo(weights, x, noise):
    """Returns the mean over the batch, in nats."""
    (w1, b1), (w2, b2), (w3, b3), (w4, b4) = weights
    mean, log_variance = jnp.split(jax.nn.relu(x @ w1 + b1) @ w2 + b2, 2, axis=1)
    z = mean + jnp.exp(0.5 * log_variance) * noise
    logits = jax.nn.relu(z @ w3 + b3) @ w4 + b4
    softplus = jnp.maximum(logits, 0) + jnp.log(1 + jnp.exp(-jnp.abs(logits)))
    reconstruction = jnp.sum(softplus - x * logits)
    kl = 0.5 * jnp.sum(jnp.exp(log_variance) + mean**2 - 1 - log_variance)
    return (reconstruction + kl) / len(x)


def epoch(problem, state, data, order, key):
    """Returns the new state and the mean loss of the epoch."""
    n, batch = len(order), problem.batch_size
    full = n - n % batch
    noise = jax.random.normal(key, (n, problem.latent))

    def step(state, inputs):
        rows, noise = inputs
        weights, squares = state
        loss, gradients = jax.value_and_grad(negative_elbo)(weights, data[rows], noise)
        squares = jax.tree.map(
            lambda s, g: problem.rho * s + (1 - problem.rho) * g * g, squares, gradients
        )
        weights = jax.tree.map(
            lambda w, g, s: w - problem.learning_rate * g * jax.lax.rsqrt(s + problem.epsilon),
            weights,
            gradients,
            squares,
        )
        return (weights, squares), loss

    batches = (order[:full].reshape(-1, batch), noise[:full].reshape(-1, batch, problem.latent))
    state, losses = jax.lax.scan(step, state, batches)
    total = losses.sum() * batch
    if full < n:
        state, loss = step(state, (order[full:], noise[full:]))
        total += loss * (n - full)
    return state, total / n
