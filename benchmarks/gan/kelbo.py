"""Kelbo as `docs/players.md` shows it: a `PlayersTrainer`, `compile(Players(...))`, `fit`."""

from __future__ import annotations

import keras
import numpy as np

from benchmarks.problems import GANProblem
from kelbo import ops
from kelbo.training import Players, PlayersTrainer


class GAN(PlayersTrainer, keras.Model):
    """A generator against a discriminator, with a penalty on the discriminator's slope."""

    def __init__(self, problem: GANProblem):
        super().__init__()
        self.problem = problem
        self.generator = self._network(problem.weights("generator"))
        self.discriminator = self._network(problem.weights("discriminator"))
        self.seed = problem.seed
        self.noise = keras.random.SeedGenerator(problem.seed)
        self.init_trainer()

    def _network(self, weights):
        *hidden, last = [len(bias) for bias in weights[1::2]]
        layers = [
            *(keras.layers.Dense(units, "relu") for units in hidden),
            keras.layers.Dense(last),
        ]
        network = keras.Sequential([keras.Input((len(weights[0]),)), *layers])
        network.set_weights(weights)
        return network

    def players(self):
        """Returns who owns what."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def call(self, x):
        """Returns logits, and the squared slope at the data."""
        noise = keras.random.normal((ops.shape(x)[0], self.problem.latent), seed=self.noise)
        real, slopes = ops.values_and_gradients(self.discriminator, x)
        fake = self.discriminator(self.generator(noise))
        return {"real": real[:, 0], "fake": fake[:, 0], "slope": ops.sum(slopes**2, axis=-1)}

    def loss_per_example(self, outputs):
        """Returns what each player loses."""
        real, fake = outputs["real"], outputs["fake"]
        penalty = 0.5 * self.problem.penalty * outputs["slope"]
        return {
            "generator": ops.softplus(-fake),
            "discriminator": ops.softplus(-real) + ops.softplus(fake) + penalty,
        }


class Contender:
    """Calls `fit` once per round, for the problem's number of epochs."""

    def __init__(self, problem: GANProblem):
        self.problem = problem

    def setup(self) -> None:
        """Builds and compiles the model."""
        problem = self.problem
        keras.utils.set_random_seed(problem.seed)
        self.data = problem.load()
        self.gan = GAN(problem)
        adam = {
            player: keras.optimizers.Adam(
                problem.learning_rate, problem.beta_1, problem.beta_2, epsilon=problem.epsilon
            )
            for player in self.gan.players()
        }
        steps = {"discriminator": problem.discriminator_steps}
        self.gan.compile(Players(adam, steps=steps))

    def round(self) -> dict[str, float]:
        """Fits and returns the discriminator's mean loss."""
        history = self.gan.fit(
            self.data, epochs=self.problem.epochs, batch_size=self.problem.batch_size, verbose=0
        )
        return {"loss": float(np.mean(history.history["discriminator_loss"]))}
