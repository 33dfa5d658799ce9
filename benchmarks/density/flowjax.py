"""flowjax with its own `fit_to_data`."""

from __future__ import annotations

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train import fit_to_data
from flowjax.train.losses import MaximumLikelihoodLoss

from benchmarks.problems import DensityProblem

_STARTS = 10


class Contender:
    """Fits from an untrained flow, another in every round."""

    def __init__(self, problem: DensityProblem):
        self.problem = problem

    def setup(self) -> None:
        """Compiles what can be before the first round."""
        problem = self.problem
        train, validation, self.test = problem.load()
        self.points = np.concatenate([train, validation])
        self.optimizer = optax.adam(problem.learning_rate)
        self.loss = MaximumLikelihoodLoss()  # one object, or each fit would be compiled anew
        self.score = equinox.filter_jit(lambda flow, x: flow.log_prob(x).mean())
        self.flows = [self._made(index) for index in range(_STARTS)]
        self.losses = []

    def _made(self, index):
        problem = self.problem
        sizes = {
            "base_dist": Normal(jnp.zeros(2)),
            "flow_layers": problem.layers,
            "nn_width": problem.width,
            "nn_depth": 2,
        }
        key = jax.random.key(problem.seed + index)
        if problem.flow == "spline":
            spline = RationalQuadraticSpline(knots=problem.bins, interval=problem.bound)
            return coupling_flow(key, transformer=spline, **sizes)
        return masked_autoregressive_flow(key, **sizes)

    def round(self) -> dict[str, float]:
        """Fits, and returns the mean loss of the test points so far."""
        index = len(self.losses)
        flow, _ = fit_to_data(
            jax.random.key(self.problem.seed + index),
            self.flows[index % _STARTS],
            self.points,
            loss_fn=self.loss,
            max_epochs=self.problem.epochs,
            max_patience=self.problem.epochs,
            batch_size=self.problem.batch_size,
            val_prop=0.1,
            optimizer=self.optimizer,
            show_progress=False,
        )
        self.losses.append(-float(self.score(flow, self.test)))
        return {"loss": sum(self.losses) / len(self.losses)}
