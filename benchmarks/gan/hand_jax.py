"""The GAN by hand in plain JAX: one compiled call per epoch, `lax.scan` over its steps.

What both networks need is computed once: XLA merges the two forward passes through the
discriminator. Where the discriminator moves more often, the steps that it makes alone are a scan of
their own within a round, so that no step asks whose turn it is.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problems import GANProblem


class Contender:
    """Trains for the problem's number of epochs per round."""

    def __init__(self, problem: GANProblem):
        self.problem = problem

    def setup(self) -> None:
        """Puts data and state on the device."""
        problem = self.problem
        self.data = jax.device_put(problem.load())
        self.order = np.random.default_rng(problem.seed)
        self.key = jax.random.key(problem.seed)
        self.state = tuple(
            player(jax.device_put(problem.weights(name))) for name in ("generator", "discriminator")
        )
        self.run_epoch = jax.jit(partial(epoch, problem), donate_argnums=0)

    def round(self) -> dict[str, float]:
        """Runs the epochs, fetching the discriminator's loss of each."""
        losses = []
        for _ in range(self.problem.epochs):
            order = self.order.permutation(len(self.data)).astype("int32")
            self.key, key = jax.random.split(self.key)
            self.state, loss = self.run_epoch(self.state, self.data, order, key)
            losses.append(float(loss))
        return {"loss": float(np.mean(losses))}


def player(weights):
    """Returns the weights, Adam's two moments and the count of its steps."""
    zeros = jax.tree.map(jnp.zeros_like, weights)
    return weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros(())


def apply(weights, x):
    """Returns what the network makes of x."""
    *hidden, kernel, bias = weights
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        x = jax.nn.relu(x @ w + b)
    return x @ kernel + bias


def softplus(x):
    """As `hand_jax` of the VAE: the fastest form on a CPU."""
    return jnp.maximum(x, 0) + jnp.log(1 + jnp.exp(-jnp.abs(x)))


def adam(problem, state, gradients):
    """Returns the player after one step."""
    weights, means, squares, count = state
    count = count + 1
    b1, b2 = problem.beta_1, problem.beta_2
    means = jax.tree.map(lambda m, g: m + (g - m) * (1 - b1), means, gradients)
    squares = jax.tree.map(lambda s, g: s + (g * g - s) * (1 - b2), squares, gradients)
    rate = problem.learning_rate * jnp.sqrt(1 - b2**count) / (1 - b1**count)
    weights = jax.tree.map(
        lambda w, m, s: w - rate * m / (jnp.sqrt(s) + problem.epsilon), weights, means, squares
    )
    return weights, means, squares, count


def discriminator_loss(problem, discriminator, x, fakes):
    """Returns the mean over the batch, with the penalty on the slope at the data."""
    real, slopes = jax.vjp(lambda x: apply(discriminator, x), x)
    (slopes,) = slopes(jnp.ones_like(real))
    losses = softplus(-real) + softplus(apply(discriminator, fakes))
    return jnp.mean(losses) + 0.5 * problem.penalty * jnp.mean(jnp.sum(slopes**2, axis=1))


def generator_loss(generator, discriminator, noise):
    """Returns the mean over the batch."""
    return jnp.mean(softplus(-apply(discriminator, apply(generator, noise))))


def epoch(problem, state, data, order, key):
    """Returns the new state and the mean loss of the discriminator."""
    batches = order.reshape(-1, problem.discriminator_steps, problem.batch_size)
    noise = jax.random.normal(key, (*batches.shape, problem.latent))

    def discriminate(state, inputs):
        rows, noise = inputs
        generator, discriminator = state
        loss, gradients = jax.value_and_grad(partial(discriminator_loss, problem))(
            discriminator[0], data[rows], apply(generator[0], noise)
        )
        return (generator, adam(problem, discriminator, gradients)), loss

    def play_round(state, inputs):
        rows, noise = inputs
        state, losses = jax.lax.scan(discriminate, state, (rows[:-1], noise[:-1]))
        generator, discriminator = state
        gradients = jax.grad(generator_loss)(generator[0], discriminator[0], noise[-1])
        (_, discriminator), loss = discriminate(state, (rows[-1], noise[-1]))
        return (adam(problem, generator, gradients), discriminator), jnp.sum(losses) + loss

    state, losses = jax.lax.scan(play_round, state, (batches, noise))
    return state, jnp.sum(losses) / (batches.shape[0] * batches.shape[1])
