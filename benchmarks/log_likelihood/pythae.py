"""pythae 0.1.2: `VAE.get_nll`, which goes through the images one by one.

It scores a few images only, in its default batches of 100 samples, and its time is scaled up to
all of them. It is given ``torch.no_grad``, which it does not set by itself. Its decoder returns
probabilities, for pythae knows no logits. (`get_nll` returns the log-likelihood, not its
negative.)
"""

from __future__ import annotations

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

from benchmarks.problems import LikelihoodProblem


class Encoder(BaseEncoder):
    """Mean and log variance, with the given weights."""

    def __init__(self, weights: list[np.ndarray]):
        super().__init__()
        self.hidden = nn.Sequential(*_hidden(weights[:4]))
        self.mean, self.log_variance = _linear(*weights[4:6]), _linear(*weights[6:])

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """Returns both heads under the names that pythae expects."""
        hidden = self.hidden(x)
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    """Probabilities of the pixels, with the given weights."""

    def __init__(self, weights: list[np.ndarray]):
        super().__init__()
        self.layers = nn.Sequential(*_hidden(weights[:4]), _linear(*weights[4:]), nn.Sigmoid())

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """Returns the probabilities under the name that pythae expects."""
        return ModelOutput(reconstruction=self.layers(z))


class Contender:
    """Scores the problem's `peer_images` per round."""

    def __init__(self, problem: LikelihoodProblem):
        self.problem = problem
        self.work = problem.peer_images / problem.images
        self.note = f"scaled from {problem.peer_images} images"

    def setup(self) -> None:
        """Makes the model with the given weights."""
        problem = self.problem
        torch.manual_seed(problem.seed)
        self.images = torch.from_numpy(problem.load()[: problem.peer_images])
        config = VAEConfig((problem.features,), problem.latent, reconstruction_loss="bce")
        encoder, decoder = Encoder(problem.encoder_weights()), Decoder(problem.decoder_weights())
        self.model = VAE(config, encoder, decoder).eval()

    def round(self) -> dict[str, float]:
        """Returns the mean over its images."""
        with torch.no_grad():
            value = self.model.get_nll(self.images, n_samples=self.problem.samples)
        return {"log_likelihood": float(value)}


def _linear(kernel: np.ndarray, bias: np.ndarray) -> nn.Linear:
    layer = nn.Linear(*kernel.shape)
    layer.weight.data = torch.from_numpy(kernel.T.copy())
    layer.bias.data = torch.from_numpy(bias)
    return layer


def _hidden(weights: list[np.ndarray]) -> list[nn.Module]:
    first, second = _linear(*weights[:2]), _linear(*weights[2:])
    return [first, nn.ReLU(), second, nn.ReLU()]
