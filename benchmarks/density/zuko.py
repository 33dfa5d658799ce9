"""zuko, with the training loop of its tutorial, eager PyTorch."""

from __future__ import annotations

import torch
import zuko

from benchmarks.problems import DensityProblem


class Contender:
    """Fits an untrained flow, another in every round."""

    def __init__(self, problem: DensityProblem):
        self.problem = problem

    def setup(self) -> None:
        """Loads the points."""
        self.train, self.validation, self.test = map(torch.from_numpy, self.problem.load())
        self.losses = []

    def _made(self, index):
        """`passes=2` makes a coupling of the autoregressive map."""
        problem = self.problem
        torch.manual_seed(problem.seed + index)
        sizes = {
            "features": 2,
            "transforms": problem.layers,
            "hidden_features": (problem.width, problem.width),
        }
        if problem.flow == "spline":
            return zuko.flows.NSF(bins=problem.bins, passes=2, **sizes)
        return zuko.flows.MAF(**sizes)

    def round(self) -> dict[str, float]:
        """Fits, and returns the mean loss of the test points so far."""
        flow = self._made(len(self.losses))
        optimizer = torch.optim.Adam(flow.parameters(), self.problem.learning_rate)
        for _ in range(self.problem.epochs):
            order = torch.randperm(len(self.train))
            for batch in order.split(self.problem.batch_size):
                loss = -flow().log_prob(self.train[batch]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                flow().log_prob(self.validation).mean()
        with torch.no_grad():
            self.losses.append(-float(flow().log_prob(self.test).mean()))
        return {"loss": sum(self.losses) / len(self.losses)}
