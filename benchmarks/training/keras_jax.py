"""The VAE as a hand-written `keras.Model` on JAX, trained by the plain `fit`; no Kelbo in it.

It uses the fast form of the likelihood of `hand_jax`, so that what differs is the training loop.
"""

from __future__ import annotations

import keras
from keras import ops

from benchmarks.problems import TrainingProblem


class PlainVAE(keras.Model):
    """784-256-2 and back; the loss in `compute_loss`, which spares Keras `add_loss`."""

    def __init__(self, problem: TrainingProblem):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(problem.seed)
        self.encoder = keras.layers.Dense(problem.hidden, "relu")
        self.mean = keras.layers.Dense(problem.latent)
        self.log_variance = keras.layers.Dense(problem.latent)
        self.decoder = keras.layers.Dense(problem.hidden, "relu")
        self.logits = keras.layers.Dense(problem.features)

    def call(self, x):
        """Returns logits, mean and log variance."""
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        z = mean + ops.exp(0.5 * log_variance) * noise
        return self.logits(self.decoder(z)), mean, log_variance

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the negative ELBO, the mean over the batch, in nats."""
        logits, mean, log_variance = y_pred
        softplus = ops.maximum(logits, 0) + ops.log(1 + ops.exp(-ops.abs(logits)))
        reconstruction = ops.sum(softplus - x * logits, axis=-1)
        kl = 0.5 * ops.sum(ops.exp(log_variance) + mean**2 - 1 - log_variance, axis=-1)
        return ops.mean(reconstruction + kl)


class Contender:
    """Calls `fit` once per round, for the problem's number of epochs."""

    def __init__(self, problem: TrainingProblem):
        self.problem = problem

    def setup(self) -> None:
        """Builds and compiles the model."""
        problem = self.problem
        keras.utils.set_random_seed(problem.seed)
        self.data = problem.load()
        self.model = PlainVAE(problem)
        self.model.compile(
            keras.optimizers.RMSprop(problem.learning_rate, problem.rho, epsilon=problem.epsilon)
        )

    def round(self) -> dict[str, float]:
        """Fits and returns the last epoch's loss."""
        history = self.model.fit(
            self.data, epochs=self.problem.epochs, batch_size=self.problem.batch_size, verbose=0
        )
        return {"loss": float(history.history["loss"][-1])}
