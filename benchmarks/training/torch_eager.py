"""The same loop in eager PyTorch: index batches of one tensor, no DataLoader, loss fetched once."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from benchmarks.problems import TrainingProblem


class TorchVAE(nn.Module):
    """784-256-2 and back."""

    def __init__(self, problem: TrainingProblem):
        super().__init__()
        self.encoder = nn.Linear(problem.features, problem.hidden)
        self.mean = nn.Linear(problem.hidden, problem.latent)
        self.log_variance = nn.Linear(problem.hidden, problem.latent)
        self.decoder = nn.Linear(problem.latent, problem.hidden)
        self.logits = nn.Linear(problem.hidden, problem.features)
        glorot(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the negative ELBO, the mean over the batch, in nats."""
        hidden = functional.relu(self.encoder(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        logits = self.logits(functional.relu(self.decoder(z)))
        reconstruction = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * torch.sum(torch.exp(log_variance) + mean**2 - 1 - log_variance)
        return (reconstruction + kl) / len(x)


class Contender:
    """Trains for the problem's number of epochs per round."""

    def __init__(self, problem: TrainingProblem):
        self.problem = problem

    def setup(self) -> None:
        """Makes the model and its optimiser."""
        problem = self.problem
        torch.manual_seed(problem.seed)
        self.data = torch.from_numpy(problem.load())
        self.model = TorchVAE(problem)
        self.optimizer = torch.optim.RMSprop(
            self.model.parameters(), problem.learning_rate, alpha=problem.rho, eps=problem.epsilon
        )

    def round(self) -> dict[str, float]:
        """Runs the epochs, fetching the loss at the end of each."""
        for _ in range(self.problem.epochs):
            total = torch.zeros(())
            for rows in torch.randperm(len(self.data)).split(self.problem.batch_size):
                loss = self.model(self.data[rows])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.detach() * len(rows)
            loss = total.item() / len(self.data)
        return {"loss": loss}


def glorot(module: nn.Module) -> None:
    """Starts all linear layers as Keras does: Glorot uniform kernels, zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
