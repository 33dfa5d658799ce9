"""Models with two players, as a reader of the documentation writes them."""

import keras
import numpy as np

from kelbo import ops
from kelbo.training import PlayersTrainer


@keras.saving.register_keras_serializable(package="kelbo_tests")
class GAN(PlayersTrainer, keras.Model):
    """A generator against a discriminator (Goodfellow et al., 2014), with a penalty on its slope.

    The generator's loss is the one that does not saturate; the penalty is that of Mescheder, Geiger
    and Nowozin (2018, "Which training methods for GANs do actually converge?", eq. 9).
    """

    def __init__(self, generator, discriminator, latent=2, penalty=0.1, seed=0, **options):
        super().__init__(**options)
        self.generator, self.discriminator = generator, discriminator
        self.latent, self.penalty = latent, penalty
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)
        self.init_trainer()

    def players(self):
        return {"generator": self.generator, "discriminator": self.discriminator}

    def call(self, x):
        noise = keras.random.normal((ops.shape(x)[0], self.latent), seed=self.noise)
        fake = self.discriminator(self.generator(noise))
        real, slopes = ops.values_and_gradients(self.discriminator, x)
        return {"real": real[:, 0], "fake": fake[:, 0], "slope": ops.sum(slopes**2, axis=-1)}

    def loss_per_example(self, outputs):
        real, fake = outputs["real"], outputs["fake"]
        penalty = 0.5 * self.penalty * outputs["slope"]
        return {
            "generator": ops.softplus(-fake),
            "discriminator": ops.softplus(-real) + ops.softplus(fake) + penalty,
        }

    def get_config(self):
        parts = {"generator": self.generator, "discriminator": self.discriminator}
        saved = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**saved, "latent": self.latent, "penalty": self.penalty, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **parts})


class Duel(PlayersTrainer, keras.Model):
    """Two numbers, a and b, one for each player; what they lose may be said anew.

    By default a loses a * b * x, and b gains it: what each does matters to the other's loss too.
    """

    def __init__(self, losses=None, a=1.0, b=0.5, seed=0, **options):
        super().__init__()
        self.seed = seed
        self.a = self.add_weight(shape=(), initializer=keras.initializers.Constant(a), name="a")
        self.b = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(b), name="b", **options
        )
        self.losses_of = losses or (lambda a, b, x: {"a": a * b * x, "b": -a * b * x})
        self.init_trainer()

    def players(self):
        return {"a": self.a, "b": [self.b]}

    def call(self, x):
        return self.losses_of(ops.convert_to_tensor(self.a), ops.convert_to_tensor(self.b), x[:, 0])

    def loss_per_example(self, outputs):
        return outputs


def network(units, hidden=8):
    """A small network."""
    return keras.Sequential([keras.layers.Dense(hidden, "tanh"), keras.layers.Dense(units)])


def ring(examples, modes=8, seed=0):
    """Points around as many centres on a circle of radius 2, and the centres."""
    generator = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = centres[generator.integers(modes, size=examples)]
    return (points + 0.1 * generator.normal(size=points.shape)).astype("float32"), centres
