"""What every contender of a benchmark must compute: data, sizes, optimiser, seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np


class MissingData(Exception):
    """A benchmark's data are not on this machine; the message says where to put them."""


class Problem:
    """What the command needs to know of every problem."""

    @property
    def work(self) -> float:
        """How many of the units that are reported one round does."""
        return 1.0

    @property
    def title(self) -> str:
        """What the heading of the table says beside the unit."""
        return ""

    def require(self) -> None:
        """Raises ``MissingData`` if the problem's file is not on this machine."""


class FitProblem(Problem):
    """A problem whose round is a fit, and whose unit is an epoch."""

    epochs: int

    @property
    def work(self) -> float:
        return self.epochs

    @property
    def title(self) -> str:
        return f", in fits of {self.epochs}"


@dataclass(frozen=True)
class TrainingProblem(FitProblem):
    """Train a VAE ``features-hidden-latent`` (relu) and back under a Bernoulli by logits.

    The posterior has a mean head and a log-variance head; the loss is the negative ELBO with one
    Monte Carlo sample and the analytic KL, in nats per example; the optimiser is RMSprop without
    momentum. The examples are shuffled every epoch and the short last batch is used too.

    Attributes:
        data: ``"mnist"`` (60,000 training images) or ``"digits"`` (1797 images).
        features: Pixels per image.
        hidden: Units of the hidden layer, in the encoder and in the decoder.
        latent: Latent dimensions.
        epochs: Epochs per round; the reported time is that of a round divided by it.
        examples: Take only the first so many images; all of them by default.
        batch_size: Examples per step.
        learning_rate: Of RMSprop.
        rho: Decay of RMSprop's mean of squared gradients.
        epsilon: Added to that mean before the root.
        seed: Of weights, shuffling and noise.
        tolerance: Nats by which the contenders' losses may differ in ``--check``. After 3 epochs
            of MNIST five seeds of one contender were 2 nats apart; a forgotten KL would be 6.
    """

    data: str
    features: int
    hidden: int
    latent: int = 2
    epochs: int = 1
    examples: int | None = None
    batch_size: int = 100
    learning_rate: float = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-7
    seed: int = 0
    tolerance: float = 2.5

    def smaller(self) -> TrainingProblem:
        """The problem cut down to some seconds."""
        return replace(self, examples=6000) if self.data == "mnist" else self

    def load(self) -> np.ndarray:
        """Returns the images as float32 in [0, 1], shape (examples, features)."""
        if self.data == "digits":
            from sklearn.datasets import load_digits

            return (load_digits().data[: self.examples] / 16).astype("float32")
        return _mnist("x_train", self.examples)

    def require(self) -> None:
        """Raises ``MissingData`` if `load` would not find its file."""
        if self.data == "mnist":
            _mnist_path()


@dataclass(frozen=True)
class ImportanceWeightedProblem(FitProblem):
    """Train a VAE 784-200-200-50 and back (tanh) by the importance-weighted bound, on MNIST.

    Pixels are drawn anew as Bernoulli variables at every step (Burda et al., 2016); the posterior
    has a mean head and a log-variance head; the loss is the negative bound in nats per example,
    its gradient the plain pathwise one; the optimiser is Adam. The unit is a step.

    Attributes:
        samples: Importance samples per image.
        examples: How many training images there are.
        features: Pixels per image.
        hidden: Units of each of the two hidden layers, in the encoder and in the decoder.
        latent: Latent dimensions.
        epochs: Epochs per round.
        batch_size: Examples per step.
        learning_rate: Of Adam.
        beta_1: Decay of Adam's mean of gradients.
        beta_2: Decay of Adam's mean of squared gradients.
        epsilon: Added to the root of that mean.
        seed: Of weights, shuffling, pixels and noise.
        tolerance: Nats by which the contenders' losses may differ in ``--check``.
    """

    samples: int = 50
    examples: int = 2000
    features: int = 784
    hidden: int = 200
    latent: int = 50
    epochs: int = 3
    batch_size: int = 100
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-4
    seed: int = 0
    tolerance: float = 5.0

    @property
    def work(self) -> float:
        """How many steps one round does."""
        return self.epochs * (self.examples // self.batch_size)

    def smaller(self) -> ImportanceWeightedProblem:
        """The problem cut down to some seconds."""
        return replace(self, examples=500, epochs=2)

    def load(self) -> np.ndarray:
        """Returns the images as float32 in [0, 1], shape (examples, features)."""
        return _mnist("x_train", self.examples)

    def require(self) -> None:
        """Raises ``MissingData`` if `load` would not find its file."""
        _mnist_path()


@dataclass(frozen=True)
class LikelihoodProblem(Problem):
    """Importance-sampled log p(x) under a VAE 784-200-200-50 and back (relu), Bernoulli by logits.

    The weights are untrained, drawn once from a fixed seed and the same for all contenders: the
    time does not depend on them, and the estimates can be compared.

    Attributes:
        images: How many images of the MNIST test set are scored.
        samples: Importance samples per image, from the posterior.
        features: Pixels per image.
        hidden: Units of each of the two hidden layers, in the encoder and in the decoder.
        latent: Latent dimensions.
        peer_images: How many images the slow peers score; their time is scaled up to `images`.
            ``--check`` compares the mean over these images.
        seed: Of weights and samples.
        tolerance: Nats by which the contenders' means may differ in ``--check``.
    """

    images: int = 1000
    samples: int = 5000
    features: int = 784
    hidden: int = 200
    latent: int = 50
    peer_images: int = 20
    seed: int = 0
    tolerance: float = 1.0

    def smaller(self) -> LikelihoodProblem:
        """The problem cut down to some seconds."""
        return replace(self, images=50, samples=500, peer_images=5)

    def load(self) -> np.ndarray:
        """Returns the images as float32 in [0, 1], shape (images, features)."""
        return _mnist("x_test", self.images)

    def require(self) -> None:
        """Raises ``MissingData`` if `load` would not find its file."""
        _mnist_path()

    @property
    def rows(self) -> int:
        """How many latent values go through `products`."""
        return self.images * self.samples

    def products(self) -> list[np.ndarray]:
        """Returns the matrices by which each row is multiplied, one after another."""
        return self.decoder_weights()[::2]

    def encoder_weights(self) -> list[np.ndarray]:
        """Returns kernel, bias of both hidden layers, of the mean and of the log variance."""
        hidden, latent = self.hidden, self.latent
        shapes = [(self.features, hidden), (hidden, hidden), (hidden, latent), (hidden, latent)]
        return _weights(shapes, [self.seed, 0])

    def decoder_weights(self) -> list[np.ndarray]:
        """Returns kernel, bias of both hidden layers and of the logits."""
        hidden = self.hidden
        shapes = [(self.latent, hidden), (hidden, hidden), (hidden, self.features)]
        return _weights(shapes, [self.seed, 1])


@dataclass(frozen=True)
class AnnealingProblem(LikelihoodProblem):
    """Annealed importance sampling of log p(x) under the VAE of `LikelihoodProblem`.

    A trajectory of Hamiltonian Monte Carlo per chain and inverse temperature between 0 and 1; each
    of its leapfrog steps takes the gradient of log p(x, z) by z.

    Attributes:
        steps: Inverse temperatures above 0.
        chains: Per image.
        leapfrog_steps: Per trajectory.
    """

    images: int = 100
    steps: int = 300
    chains: int = 16
    leapfrog_steps: int = 10
    tolerance: float = 3.0

    def smaller(self) -> AnnealingProblem:
        """The problem cut down to some seconds."""
        return replace(self, images=10, steps=50, peer_images=10)

    @property
    def rows(self) -> int:
        """How many gradients are taken: by the chains, and by the four that tune step sizes.

        Those make 40 trajectories first and then 200 or more, as many at each temperature.
        """
        betas = self.steps - 1
        tuning = 40 + betas * max(1, -(-200 // betas))
        return self.images * self.leapfrog_steps * (self.chains * betas + 4 * tuning)

    def products(self) -> list[np.ndarray]:
        """Returns the matrices of the decoder, and those that take its gradient back."""
        forwards = super().products()
        return forwards + [kernel.T for kernel in reversed(forwards)]


@dataclass(frozen=True)
class DistributionProblem(Problem):
    """One compiled call of `log_prob` or `sample`, the parameters' set-up and checks included.

    The call makes the distribution from its parameters, which are its arguments, as a model does.

    Attributes:
        family: ``"Normal"``, ``"Gamma"`` (a parameter of each kind per element),
            ``"MultivariateNormalTriL"`` (vectors of 10 under one factor), ``"Categorical"``
            (10 logits per element drawn or scored), ``"TruncatedNormal"`` or ``"VonMises"``
            (numbers under one distribution).
        method: ``"log_prob"`` or ``"sample"``.
        size: Numbers scored or drawn; of Categorical, logits.
        calls: Per round.
        seed: Of parameters, values and draws.
        tolerance: Nats (or units of the draws' mean) by which the contenders' results may differ.
    """

    family: str
    method: str
    size: int = 1_000_000
    calls: int = 10
    seed: int = 0
    tolerance: float = 0.02

    @property
    def work(self) -> float:
        """How many of the units that are reported (here calls) one round does."""
        return self.calls

    def smaller(self) -> DistributionProblem:
        """The problem cut down to some seconds."""
        return replace(self, size=self.size // 10)

    def parameters(self) -> tuple[np.ndarray, ...]:
        """Returns the parameters, float32, in the order of the family's arguments."""
        generator, rows = np.random.default_rng(self.seed), self.size // 10
        if self.family == "Normal":
            found = generator.normal(size=self.size), generator.uniform(0.5, 2.0, self.size)
        elif self.family == "Gamma":
            found = generator.uniform(0.5, 5.0, self.size), generator.uniform(0.5, 2.0, self.size)
        elif self.family == "Categorical":
            found = (generator.normal(size=(rows, 10)),)
        elif self.family == "TruncatedNormal":
            found = tuple(np.array([0.3, 1.2, -1.0, 2.0]))
        elif self.family == "VonMises":
            found = tuple(np.array([0.3, 4.0]))
        else:
            factor = np.tril(generator.normal(size=(10, 10)), -1) + 2.0 * np.eye(10)
            found = generator.normal(size=10), factor
        return tuple(array.astype("float32") for array in found)

    def values(self) -> np.ndarray:
        """Returns what is scored."""
        generator, rows = np.random.default_rng([self.seed, 1]), self.size // 10
        if self.family == "Categorical":
            return generator.integers(0, 10, rows).astype("int32")
        if self.family in ("TruncatedNormal", "VonMises"):  # within the support of both
            return generator.uniform(-1.0, 2.0, self.size).astype("float32")
        shape = (rows, 10) if self.family == "MultivariateNormalTriL" else self.size
        values = generator.normal(size=shape)
        return (np.abs(values) if self.family == "Gamma" else values).astype("float32")

    def sample_shape(self) -> tuple[int, ...]:
        """Returns the leading shape of what is drawn."""
        if self.family in ("TruncatedNormal", "VonMises"):
            return (self.size,)
        return (self.size // 10,) if self.family == "MultivariateNormalTriL" else ()


@dataclass(frozen=True)
class DensityProblem(FitProblem):
    """Fit a normalizing flow to two moons, and score moons that it has not seen.

    Five layers, each with a network of two hidden layers of 64 relu units; Adam; the standard
    normal base. Each round starts from untrained weights of a seed of its own; the loss that is
    reported is the mean over the rounds so far.

    Attributes:
        flow: ``"spline"`` (rational-quadratic spline coupling, 8 bins within [-4, 4]) or
            ``"maf"`` (masked autoregressive, affine).
        points: Training points; a tenth of them validates after each epoch.
        test_points: Points that are scored at the end.
        noise: Standard deviation of scikit-learn's moons.
        epochs: Epochs per round.
        layers: Couplings or autoregressive maps.
        width: Units per hidden layer.
        bins: Of the spline.
        bound: End of the spline's interval.
        batch_size: Examples per step.
        learning_rate: Of Adam.
        seed: Of the data, and of the weights of the first round.
        tolerance: Nats by which the contenders' test losses may differ in ``--check``.
    """

    flow: str
    points: int = 5000
    test_points: int = 5000
    noise: float = 0.1
    epochs: int = 20
    layers: int = 5
    width: int = 64
    bins: int = 8
    bound: float = 4.0
    batch_size: int = 100
    learning_rate: float = 1e-3
    seed: int = 0
    tolerance: float = 0.2

    def smaller(self) -> DensityProblem:
        """The problem cut down to some seconds."""
        return replace(self, points=1000, epochs=5)

    def load(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns points to train on, to validate with and to test, float32, of unit variance."""
        from sklearn.datasets import make_moons

        total = self.points + self.test_points
        moons = make_moons(total, noise=self.noise, random_state=self.seed)[0]
        # The moments of such moons themselves, so that no set's own mean comes in.
        moons = ((moons - (0.5, 0.25)) / (0.87, 0.50)).astype("float32")
        train = self.points - self.points // 10
        return moons[:train], moons[train : self.points], moons[self.points :]


@dataclass(frozen=True)
class GANProblem(FitProblem):
    """Train a GAN on eight normal distributions around a circle of radius 2.

    Two networks of two hidden layers (relu); the generator's loss is the one that does not
    saturate, the discriminator's is the cross entropy and half of `penalty` times its squared slope
    at the data (R1); Adam for each. Both move at once, by gradients at the same weights. The unit
    is a step; the result is the mean loss of the discriminator over the epochs of a round. All
    contenders start from the same weights; those of a round are where the one before ended.

    Attributes:
        discriminator_steps: Steps of the discriminator for one of the generator.
        examples: A multiple of the batch size and of those steps.
        latent: Numbers that the generator turns into a point.
        hidden: Units per hidden layer.
        epochs: Epochs per round.
        batch_size: Examples per step, and as many points of the generator.
        penalty: Weight of the penalty.
        learning_rate: Of Adam.
        beta_1: Decay of Adam's mean of gradients.
        beta_2: Decay of Adam's mean of squared gradients.
        epsilon: Added to the root of that mean.
        seed: Of data, weights, order and noise.
        tolerance: By which the contenders' losses may differ in ``--check``.
    """

    discriminator_steps: int = 1
    examples: int = 51200
    latent: int = 4
    hidden: int = 64
    epochs: int = 3
    batch_size: int = 128
    penalty: float = 0.1
    learning_rate: float = 1e-3
    beta_1: float = 0.5
    beta_2: float = 0.999
    epsilon: float = 1e-7
    seed: int = 0
    tolerance: float = 0.02

    @property
    def work(self) -> float:
        """How many steps one round does."""
        return self.epochs * (self.examples // self.batch_size)

    def weights(self, player: str) -> list[np.ndarray]:
        """Returns kernel, bias of each layer of the ``"generator"`` or the ``"discriminator"``."""
        ends = {"generator": (self.latent, 2), "discriminator": (2, 1)}[player]
        sizes = (ends[0], self.hidden, self.hidden, ends[1])
        return _weights(pairwise(sizes), [self.seed, 1 + len(player)])

    def smaller(self) -> GANProblem:
        """The problem cut down to some seconds."""
        return replace(self, examples=6400)

    def load(self) -> np.ndarray:
        """Returns the points, float32."""
        generator = np.random.default_rng(self.seed)
        angles = 2.0 * np.pi * generator.integers(8, size=self.examples) / 8
        centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return (centres + 0.1 * generator.normal(size=centres.shape)).astype("float32")


def _weights(shapes: Iterable[tuple[int, int]], seed: list[int]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    weights = []
    for fan_in, fan_out in shapes:
        limit = np.sqrt(6 / (fan_in + fan_out))
        weights.append(generator.uniform(-limit, limit, (fan_in, fan_out)).astype("float32"))
        weights.append(np.zeros(fan_out, "float32"))
    return weights


def _mnist_path() -> Path:
    folder = os.environ.get("KELBO_DATA_DIR")
    if not folder:
        raise MissingData("set KELBO_DATA_DIR to the folder that holds mnist.npz")
    path = Path(folder) / "mnist.npz"
    if not path.is_file():
        raise MissingData(f"no mnist.npz in KELBO_DATA_DIR={folder}")
    return path


def _mnist(part: str, examples: int | None) -> np.ndarray:
    with np.load(_mnist_path()) as arrays:
        pixels = arrays[part][:examples]
    return pixels.reshape(len(pixels), -1).astype("float32") / np.float32(255)
