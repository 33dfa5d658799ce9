"""numpyro's distributions under `jax.jit`."""

from __future__ import annotations

import jax
import numpy as np
import numpyro.distributions as dist

from benchmarks.problems import DistributionProblem

FAMILIES = {
    "Normal": dist.Normal,
    "Gamma": dist.Gamma,
    "Categorical": lambda logits: dist.Categorical(logits=logits),
    "MultivariateNormalTriL": lambda loc, factor: dist.MultivariateNormal(loc, scale_tril=factor),
    "TruncatedNormal": lambda loc, scale, low, high: dist.TruncatedNormal(
        loc, scale, low=low, high=high
    ),
    "VonMises": dist.VonMises,
}


class Contender:
    """Scores or draws, `calls` times a round."""

    def __init__(self, problem: DistributionProblem):
        self.problem = problem

    def setup(self) -> None:
        """Puts the parameters on the device and compiles."""
        problem, make = self.problem, FAMILIES[self.problem.family]
        parameters = [jax.device_put(array) for array in problem.parameters()]
        if problem.method == "log_prob":
            values = jax.device_put(problem.values())
            score = jax.jit(lambda x, *p: make(*p).log_prob(x))
            self.call = lambda seed: score(values, *parameters)
        else:
            shape = problem.sample_shape()
            draw = jax.jit(lambda seed, *p: make(*p).sample(jax.random.key(seed), shape))
            self.call = lambda seed: draw(seed, *parameters)
        self.call(np.uint32(0)).block_until_ready()

    def round(self) -> dict[str, float]:
        """Calls, and returns the mean of the last result."""
        for seed in range(self.problem.calls):
            result = self.call(np.uint32(seed)).block_until_ready()
        return {"mean": float(np.asarray(result, "float64").mean())}
