"""The log-likelihood by importance sampling, with what says whether to believe it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.pareto import pareto_k, pareto_k_threshold
from kelbo.evaluation.text import share, with_error
from kelbo.evaluation.weights import WeightSums, stream_weights
from kelbo.models import LatentVariableModel
from kelbo.parameters import whole_number


@dataclass(frozen=True, eq=False)
class ImportanceEstimate:
    r"""Importance-sampled log-likelihoods. All arrays are of shape (n,).

    Attributes:
        log_likelihood: $\log \frac{1}{S} \sum_s w_s$ in nats.
        standard_error: Of it, over draws of the samples, by the delta method.
        effective_sample_size: $(\sum_s w_s)^2 / \sum_s w_s^2$: how many equal weights would say
            as much.
        pareto_k: Shape of the tail of the weights; see `pareto_k`.
        samples: $S$.
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray
    pareto_k: np.ndarray
    samples: int

    @property
    def mean(self) -> float:
        """Mean over the examples, in nats per example."""
        return float(np.mean(self.log_likelihood))

    @property
    def mean_standard_error(self) -> float:
        """Monte Carlo standard error of `mean`, for these examples: not that over examples."""
        return float(np.sqrt(np.mean(self.standard_error**2) / len(self.standard_error)))

    @property
    def unreliable(self) -> np.ndarray:
        """Which examples' k-hat is above `pareto_k_threshold(samples)`, or cannot be told."""
        return ~(self.pareto_k <= pareto_k_threshold(self.samples))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against believing the figures; empty where nothing does."""
        if not self.unreliable.any():
            return ()
        limit = pareto_k_threshold(self.samples)
        return (
            f"Pareto k-hat is not below {limit:.2f} for {share(self.unreliable)} of the examples: "
            "their estimates are too low and their standard errors too small. Take more samples, "
            "a better posterior, or annealed_importance_sampling.",
        )

    def __str__(self) -> str:
        lines = [
            f"log p(x) = {with_error(self.mean, self.mean_standard_error)} nats "
            f"({len(self.log_likelihood)} examples, {self.samples} samples each)",
            f"effective sample size: median {np.median(self.effective_sample_size):.0f}, "
            f"least {np.min(self.effective_sample_size):.1f}",
            *(f"warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def importance_log_likelihood(
    model: LatentVariableModel,
    x: Any,
    samples: int = 5000,
    seed: int = 0,
    batch_size: int = 100,
    verbose: bool = False,
) -> ImportanceEstimate:
    r"""Importance-sampled log-likelihood of each example, with its standard error and diagnostics.

    $$\log p(x) \approx \log \frac{1}{S} \sum_{s=1}^S w_s, \qquad
        w_s = \frac{p(x \mid z_s)\, p(z_s)}{q(z_s \mid x)}, \qquad z_s \sim q(z \mid x)$$

    (Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders", eq. 8.) A lower
    bound in expectation. The numbers are those of `VAE.log_likelihood`, to rounding. The weights
    are streamed: their sum, the sum of their squares and the largest ones are kept, and memory does
    not grow with S but as $3 \sqrt S$.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape).
        samples: $S$, per example.
        seed: Integer seed.
        batch_size: Examples per compiled call.
        verbose: Whether a progress bar is shown.

    Returns:
        An `ImportanceEstimate`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: `samples` or `batch_size` is below 1, or x is empty, has another shape or values
            that are not finite.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> x = np.zeros((4, 3), "float32")
        >>> kb.evaluation.importance_log_likelihood(vae, x, samples=100).standard_error.shape
        (4,)
    """
    owner = "importance_log_likelihood"
    samples = whole_number(owner, "samples", samples)
    sums = stream_weights(LatentModel(owner, model), x, samples, seed, batch_size, verbose)
    return importance_estimate(sums)


def importance_estimate(sums: WeightSums) -> ImportanceEstimate:
    """The estimate that sums of weights make.

    Args:
        sums: They hold the powers 1 and 2.

    Returns:
        An `ImportanceEstimate`.
    """
    return ImportanceEstimate(
        log_likelihood=sums.log_mean(),
        standard_error=sums.standard_error(),
        effective_sample_size=sums.effective_sample_size(),
        pareto_k=pareto_k(sums.largest),
        samples=sums.samples,
    )
