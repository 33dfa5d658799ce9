"""The decoder's matrix products alone, for as many samples: no estimate can be faster.

One compiled loop, float32, no bias, no activation, no likelihood. Set-up times a few numbers of
rows per step and takes the fastest. Each step writes one number of its product into the next
step's input, or the compiler would drop the products or do them once only.
"""

from __future__ import annotations

import time
from functools import reduce

import jax
import jax.numpy as jnp

from benchmarks.problems import LikelihoodProblem

CHUNKS = (500, 1000, 2000, 4000)


class Contender:
    """Multiplies the problem's rows by its products, once per round."""

    def __init__(self, problem: LikelihoodProblem):
        self.problem = problem

    def setup(self) -> None:
        """Finds the fastest number of rows per step."""
        self.kernels = [jnp.asarray(kernel) for kernel in self.problem.products()]
        seconds = {chunk: self._seconds_per_row(chunk) for chunk in CHUNKS}
        self.chunk = min(seconds, key=seconds.get)
        self.steps = self.problem.rows // self.chunk
        self.z = self._latents(self.chunk)
        self.note = f"{self.chunk} rows a step"

    def round(self) -> dict[str, float]:
        """Multiplies; there is nothing to compare."""
        multiply(self.z, self.kernels, self.steps).block_until_ready()
        return {}

    def _latents(self, rows: int) -> jax.Array:
        return jax.random.normal(jax.random.key(self.problem.seed), (rows, self.problem.latent))

    def _seconds_per_row(self, chunk: int) -> float:
        z, steps, seconds = self._latents(chunk), max(1, 100_000 // chunk), []
        for _ in range(5):
            start = time.perf_counter()
            multiply(z, self.kernels, steps).block_until_ready()
            seconds.append(time.perf_counter() - start)
        return min(seconds) / (chunk * steps)


@jax.jit
def multiply(z, kernels, steps):
    """Returns z after the given number of products of z with all kernels."""

    def step(index, z):
        product = reduce(jnp.matmul, kernels, z)
        return z.at[0, 0].set(product[index % product.shape[0], index % product.shape[1]])

    return jax.lax.fori_loop(0, steps, step, z)
