"""Draws on JAX, where `jax.random` is slow or inexact."""

import jax
import jax.numpy as jnp

from kelbo.ops.series import HALF_LOG_TWO_PI, log1p_minus, stirling_correction


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
    """Poisson draws of the shape and dtype of `rate`.

    By inversion below a rate of 10, else by W. Hörmann, "The transformed rejection method for
    generating Poisson random variables" (1993), as in `jax.random.poisson`; but that loses the
    digits of the log-probability in float32: its variance is 4 % too large at a rate of 1e6.
    """
    # NaN is neither: it must not be waited for.
    small, large = rate < 10.0, rate >= 10.0
    inversion_key, rejection_key = jax.random.split(key_of(seed))
    low = jnp.where(small, rate, 0.0)
    inverted = _invert(inversion_key, jnp.exp(-low), lambda k: low / k)

    high = jnp.where(large, rate, 1e3)
    b = 0.931 + 2.53 * jnp.sqrt(high)
    a = -0.059 + 0.02483 * b
    rejected = _reject(
        rejection_key,
        a,
        b,
        center=high + 0.43,
        squeeze=0.9277 - 3.6224 / (b - 2.0),
        log_scale=jnp.log(1.1239 + 1.1328 / (b - 3.4)),
        log_density=lambda k: _log_poisson(k, high),
        highest=jnp.inf,
        needed=large,
    )
    draws = jnp.where(small, inverted, rejected)
    return jnp.where(rate >= 0.0, draws, jnp.nan)


@jax.jit
def binomial(seed: jax.Array, counts: jax.Array, probs: jax.Array) -> jax.Array:
    """Binomial draws of the shape and dtype of `counts` and `probs`, which share them.

    By inversion below a mean of 10, else by W. Hörmann, "The generation of binomial random
    variates" (1993), algorithm BTRS, with the log-probability exact in float32 too.
    """
    flipped = probs > 0.5
    p = jnp.where(flipped, 1.0 - probs, probs)
    # NaN is neither: it must not be waited for.
    small, large = counts * p < 10.0, counts * p >= 10.0
    inversion_key, rejection_key = jax.random.split(key_of(seed))
    n_low, p_low = jnp.where(small, counts, 0.0), jnp.where(small, p, 0.0)
    odds = p_low / (1.0 - p_low)
    inverted = _invert(
        inversion_key,
        jnp.exp(n_low * jnp.log1p(-p_low)),
        lambda k: jnp.maximum(n_low - k + 1.0, 0.0) / k * odds,
    )

    n, p = jnp.where(large, counts, 1e3), jnp.where(large, p, 0.5)
    mean, rest = n * p, n * (1.0 - p)
    stddev = jnp.sqrt(mean * (1.0 - p))
    b = 1.15 + 2.53 * stddev
    a = -0.0873 + 0.0248 * b + 0.01 * p

    def log_density(k):
        return _log_poisson(k, mean) + _log_poisson(n - k, rest)

    rejected = _reject(
        rejection_key,
        a,
        b,
        center=mean + 0.5,
        squeeze=0.92 - 4.2 / b,
        log_scale=jnp.log((2.83 + 5.1 / b) * stddev) + log_density(jnp.floor((n + 1.0) * p)),
        log_density=log_density,
        highest=n,
        needed=large,
    )
    draws = jnp.where(small, inverted, rejected)
    draws = jnp.where(flipped, counts - draws, draws)
    return jnp.where((counts >= 0.0) & (probs >= 0.0) & (probs <= 1.0), draws, jnp.nan)


def _invert(key, first, ratio):
    """The smallest k with u <= F(k), from the probability of 0 and of k over that of k - 1."""
    u = jax.random.uniform(key, first.shape, first.dtype)

    def advance(state):
        k, draws, probability, cdf = state
        draws = jnp.where(u > cdf, k, draws)
        probability = probability * ratio(k)
        return k + 1.0, draws, probability, cdf + probability

    # A mean below 10 has no draw of 60; where rounding keeps F below u, the search must end.
    one = jnp.ones((), first.dtype)
    start = (one, jnp.zeros_like(first), first, first)
    return jax.lax.while_loop(
        lambda state: jnp.any(u > state[3]) & (state[0] < 60.0), advance, start
    )[1]


def _reject(key, a, b, center, squeeze, log_scale, log_density, highest, needed):
    """Hörmann's transformed rejection, for the whole array at a time."""
    shape, dtype = b.shape, b.dtype

    def propose(state):
        key, accepted, draws = state
        key, u_key, v_key = jax.random.split(key, 3)
        u = jax.random.uniform(u_key, shape, dtype) - 0.5
        v = jax.random.uniform(v_key, shape, dtype)
        edge = 0.5 - jnp.abs(u)
        k = jnp.floor((2.0 * a / edge + b) * u + center)
        possible = (k >= 0.0) & (k <= highest)
        inside = jnp.where(possible, k, jnp.floor(center))
        log_hat = jnp.log(v / (a / (edge * edge) + b)) + log_scale
        accept = ((edge >= 0.07) & (v <= squeeze)) | (log_hat <= log_density(inside))
        return key, accepted | (possible & accept), jnp.where(accepted, draws, k)

    start = (key, ~needed, jnp.zeros(shape, dtype))
    return jax.lax.while_loop(lambda state: ~jnp.all(state[1]), propose, start)[2]


def _log_poisson(k, rate):
    """The log-probability of k, by its distance to the rate (C. Loader, 2000): nothing cancels."""
    large = k >= 8.0
    z = jnp.where(large, k, 8.0)
    by_distance = (
        z * log1p_minus((rate - z) / z)
        - stirling_correction(z)
        - 0.5 * jnp.log(z)
        - HALF_LOG_TWO_PI
    )
    few = jnp.where(large, 0.0, k)
    direct = few * jnp.log(rate) - rate - jax.lax.lgamma(few + 1.0)
    return jnp.where(large, by_distance, direct)
