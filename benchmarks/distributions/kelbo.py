"""Kelbo's distributions under `ops.compile`."""

from __future__ import annotations

import jax
import numpy as np

import kelbo as kb
from benchmarks.problems import DistributionProblem
from kelbo import ops


class Contender:
    """Scores or draws, `calls` times a round."""

    def __init__(self, problem: DistributionProblem):
        self.problem = problem

    def setup(self) -> None:
        """Puts the parameters on the device and compiles."""
        problem, make = self.problem, getattr(kb.distributions, self.problem.family)
        parameters = [jax.device_put(array) for array in problem.parameters()]
        if problem.method == "log_prob":
            values = jax.device_put(problem.values())
            score = ops.compile(lambda x, *p: make(*p).log_prob(x))
            self.call = lambda seed: score(values, *parameters)
        else:
            shape = problem.sample_shape()
            draw = ops.compile(lambda seed, *p: make(*p).sample(shape, ops.SeedSequence(seed)))
            self.call = lambda seed: draw(seed, *parameters)
        self.call(np.uint32(0)).block_until_ready()

    def round(self) -> dict[str, float]:
        """Calls, and returns the mean of the last result."""
        for seed in range(self.problem.calls):
            result = self.call(np.uint32(seed)).block_until_ready()
        return {"mean": float(np.asarray(result, "float64").mean())}
