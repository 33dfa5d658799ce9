"""Kelbo: `models.VAE` with `objectives.IWELBO`."""

from __future__ import annotations

import keras

import benchmarks.training.kelbo
import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko


class Contender(benchmarks.training.kelbo.Contender):
    """Calls `fit` once per round, for the problem's number of epochs."""

    def setup(self) -> None:
        """Builds and compiles the model."""
        problem = self.problem
        keras.utils.set_random_seed(problem.seed)
        self.data = problem.load()
        self.vae = kb.models.VAE(
            prior=kd.Normal.standard((problem.latent,)),
            likelihood=kl.ConditionalBernoulli((problem.features,), self._hidden()),
            posterior=kl.ConditionalNormal((problem.latent,), self._hidden(), scale="log_variance"),
            objective=ko.IWELBO(problem.samples),
            preprocessing=kl.StochasticBinarization(),
        )
        self.vae.compile(
            keras.optimizers.Adam(
                problem.learning_rate, problem.beta_1, problem.beta_2, epsilon=problem.epsilon
            )
        )

    def _hidden(self) -> keras.Sequential:
        return keras.Sequential([keras.layers.Dense(self.problem.hidden, "tanh") for _ in range(2)])
