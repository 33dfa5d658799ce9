"""What every contender of a benchmark must compute: data, sizes, optimiser, seeds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class MissingData(Exception):
    """A benchmark's data are not on this machine; the message says where to put them."""


@dataclass(frozen=True)
class TrainingProblem:
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

    @property
    def work(self) -> float:
        """How many of the units that are reported (here epochs) one round does."""
        return self.epochs

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
class LikelihoodProblem:
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

    @property
    def work(self) -> float:
        """How many of the units that are reported (here all `images`) one round does."""
        return 1.0

    def load(self) -> np.ndarray:
        """Returns the images as float32 in [0, 1], shape (images, features)."""
        return _mnist("x_test", self.images)

    def require(self) -> None:
        """Raises ``MissingData`` if `load` would not find its file."""
        _mnist_path()

    def encoder_weights(self) -> list[np.ndarray]:
        """Returns kernel, bias of both hidden layers, of the mean and of the log variance."""
        hidden, latent = self.hidden, self.latent
        return self._weights(
            [(self.features, hidden), (hidden, hidden), (hidden, latent), (hidden, latent)], 0
        )

    def decoder_weights(self) -> list[np.ndarray]:
        """Returns kernel, bias of both hidden layers and of the logits."""
        hidden = self.hidden
        return self._weights([(self.latent, hidden), (hidden, hidden), (hidden, self.features)], 1)

    def _weights(self, shapes: list[tuple[int, int]], stream: int) -> list[np.ndarray]:
        generator = np.random.default_rng([self.seed, stream])
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
