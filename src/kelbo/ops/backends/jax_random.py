"""Draws on JAX, where `jax.random` is slow or inexact."""

import jax
import jax.numpy as jnp


def key_of(seed: jax.Array) -> jax.Array:
    """A JAX key made of two non-negative integers."""
    return jax.random.wrap_key_data(seed.astype("uint32"), impl="threefry2x32")


@jax.jit
def gamma_above_one(seed: jax.Array, concentration: jax.Array) -> jax.Array:
    """Standard gamma draws of the shape of `concentration`, which is at least 1.

    The method of Marsaglia and Tsang (2000), as `jax.random.gamma` has it, but for the whole array
    at a time: one key for each round in the place of one for each element, which is several times
    faster.
    """
    shape, dtype = concentration.shape, concentration.dtype
    d = concentration - 1.0 / 3.0
    c = 1.0 / (3.0 * jnp.sqrt(d))

    def propose(state):
        key, accepted, v = state
        key, normal_key, uniform_key = jax.random.split(key, 3)
        x = jax.random.normal(normal_key, shape, dtype)
        u = jax.random.uniform(uniform_key, shape, dtype)
        root = 1.0 + c * x
        positive = root > 0.0
        cube = jnp.where(positive, root * root * root, 1.0)
        squared = x * x
        accept = (u < 1.0 - 0.0331 * squared * squared) | (
            jnp.log(u) < 0.5 * squared + d * (1.0 - cube + jnp.log(cube))
        )
        return key, accepted | (positive & accept), jnp.where(accepted, v, cube)

    # NaN is never accepted: it must not be waited for.
    start = (key_of(seed), ~(concentration > 0.0), jnp.full(shape, jnp.nan, dtype))
    return d * jax.lax.while_loop(lambda state: ~jnp.all(state[1]), propose, start)[2]


@jax.jit
def poisson(seed: jax.Array, rate: jax.Array) -> jax.Array:
    """Poisson draws of the shape and dtype of `rate`."""
    return jax.random.poisson(key_of(seed), rate).astype(rate.dtype)


@jax.jit
def binomial(seed: jax.Array, counts: jax.Array, probs: jax.Array) -> jax.Array:
    """Binomial draws of the shape and dtype of `counts` and `probs`, which share them."""
    return jax.random.binomial(key_of(seed), counts, probs, dtype=probs.dtype)
