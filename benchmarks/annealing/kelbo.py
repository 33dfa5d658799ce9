"""Kelbo's `evaluation.annealed_importance_sampling`, the tuning of its step sizes included."""

from __future__ import annotations

from benchmarks.log_likelihood import kelbo
from kelbo.evaluation import annealed_importance_sampling


class Contender(kelbo.Contender):
    """Scores all images per round."""

    def round(self) -> dict[str, float]:
        """Returns the mean over the images that the peers score too."""
        problem = self.problem
        found = annealed_importance_sampling(
            self.vae,
            self.images,
            steps=problem.steps,
            chains=problem.chains,
            leapfrog_steps=problem.leapfrog_steps,
        )
        return {"log_likelihood": float(found.log_likelihood[: problem.peer_images].mean())}
