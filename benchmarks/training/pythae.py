"""pythae 0.1.2: its `VAE`, its `BaseTrainer`, RMSprop.

The same architecture, loss and optimiser as the others. What differs: the decoder ends in a
sigmoid and the likelihood is the cross entropy of probabilities, for pythae knows no logits; its
trainer reads batches from a `DataLoader` that collates examples one by one, and fetches the loss
at every step. Timed is ``BaseTrainer.train_step``, which is one epoch; left out in pythae's favour
are its progress bars, its log, the copy of the best model that it makes every epoch, and set-up.
"""

from __future__ import annotations

import logging
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback
from torch import nn
from torch.nn import functional

from benchmarks.problems import TrainingProblem
from benchmarks.training.torch_eager import glorot


class Encoder(BaseEncoder):
    """Mean and log variance."""

    def __init__(self, problem: TrainingProblem):
        super().__init__()
        self.hidden = nn.Linear(problem.features, problem.hidden)
        self.mean = nn.Linear(problem.hidden, problem.latent)
        self.log_variance = nn.Linear(problem.hidden, problem.latent)
        glorot(self)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """Returns both heads under the names that pythae expects."""
        hidden = functional.relu(self.hidden(x))
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    """Probabilities of the pixels."""

    def __init__(self, problem: TrainingProblem):
        super().__init__()
        self.hidden = nn.Linear(problem.latent, problem.hidden)
        self.logits = nn.Linear(problem.hidden, problem.features)
        glorot(self)

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """Returns the probabilities under the name that pythae expects."""
        logits = self.logits(functional.relu(self.hidden(z)))
        return ModelOutput(reconstruction=torch.sigmoid(logits))


class Contender:
    """Calls the trainer's `train_step` once per epoch."""

    def __init__(self, problem: TrainingProblem):
        self.problem = problem
        self.epoch = 0

    def setup(self) -> None:
        """Makes the trainer and silences it."""
        problem = self.problem
        logging.disable(logging.INFO)
        torch.manual_seed(problem.seed)
        images = torch.from_numpy(problem.load())
        config = VAEConfig((problem.features,), problem.latent, reconstruction_loss="bce")
        model = VAE(config, Encoder(problem), Decoder(problem))
        with tempfile.TemporaryDirectory() as folder:
            self.trainer = BaseTrainer(
                model,
                BaseDataset(images, torch.zeros(len(images))),
                training_config=BaseTrainerConfig(
                    output_dir=folder,
                    per_device_train_batch_size=problem.batch_size,
                    optimizer_cls="RMSprop",
                    optimizer_params={"alpha": problem.rho, "eps": problem.epsilon},
                    learning_rate=problem.learning_rate,
                    no_cuda=True,
                ),
            )
            self.trainer.prepare_training()
        self.trainer.callback_handler = CallbackHandler([TrainingCallback()], model)

    def round(self) -> dict[str, float]:
        """Runs the epochs and returns the last one's loss."""
        for _ in range(self.problem.epochs):
            self.epoch += 1
            loss = self.trainer.train_step(self.epoch)
        return {"loss": loss}
