"""Kelbo's `VAE.log_likelihood`."""

from __future__ import annotations

import keras

import kelbo as kb
from benchmarks.problems import LikelihoodProblem
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko


class Contender:
    """Scores all images per round."""

    def __init__(self, problem: LikelihoodProblem):
        self.problem = problem

    def setup(self) -> None:
        """Builds the model with the given weights."""
        problem = self.problem
        self.images = problem.load()
        posterior = kl.ConditionalNormal((problem.latent,), self._hidden(), scale="log_variance")
        likelihood = kl.ConditionalBernoulli((problem.features,), self._hidden())
        posterior.build((None, problem.features))
        posterior.set_weights(problem.encoder_weights())
        likelihood.build((None, problem.latent))
        likelihood.set_weights(problem.decoder_weights())
        self.vae = kb.models.VAE(
            prior=kd.Normal.standard((problem.latent,)),
            likelihood=likelihood,
            posterior=posterior,
            objective=ko.ELBO(),
        )

    def round(self) -> dict[str, float]:
        """Returns the mean over the images that the peers score too."""
        values = self.vae.log_likelihood(self.images, samples=self.problem.samples)
        return {"log_likelihood": float(values[: self.problem.peer_images].mean())}

    def _hidden(self) -> keras.Sequential:
        return keras.Sequential([keras.layers.Dense(self.problem.hidden, "relu") for _ in range(2)])
