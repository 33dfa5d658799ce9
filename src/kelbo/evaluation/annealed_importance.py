"""Annealed importance sampling: the log-likelihood where plain importance sampling fails."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from kelbo import ops
from kelbo.evaluation.annealing import Bar, prepare
from kelbo.evaluation.coordinates import count
from kelbo.evaluation.text import share, with_error
from kelbo.evaluation.weights import log_mean_error
from kelbo.models import LatentVariableModel
from kelbo.parameters import whole_number
from kelbo.training import map_rows

_FEWEST_EFFECTIVE = 2.0


@dataclass(frozen=True, eq=False)
class AnnealedEstimate:
    """Log-likelihoods by annealed importance sampling. Arrays are of shape (n,) but for the first.

    Attributes:
        log_weights: Of each example's chains, of shape (n, chains).
        acceptance: How often a proposal was accepted, on average over temperatures; 0.65 is aimed
            at.
        steps: Number of ratios of densities in each weight.
    """

    log_weights: np.ndarray
    acceptance: np.ndarray
    steps: int

    @property
    def log_likelihood(self) -> np.ndarray:
        """The logarithm of the mean weight, in nats."""
        return logsumexp(self.log_weights, axis=1) - np.log(self.log_weights.shape[1])

    @property
    def effective_sample_size(self) -> np.ndarray:
        r"""$(\sum_c w_c)^2 / \sum_c w_c^2$, from 1 to the number of chains."""
        total = logsumexp(self.log_weights, axis=1)
        return np.exp(2.0 * total - logsumexp(2.0 * self.log_weights, axis=1))

    @property
    def standard_error(self) -> np.ndarray:
        """Of `log_likelihood` over chains, by the delta method."""
        return log_mean_error(self.effective_sample_size, self.log_weights.shape[1])

    @property
    def mean(self) -> float:
        """Mean over the examples, in nats per example."""
        return float(np.mean(self.log_likelihood))

    @property
    def mean_standard_error(self) -> float:
        """Monte Carlo standard error of `mean`, for these examples: not that over examples."""
        error = self.standard_error
        return float(np.sqrt(np.mean(error**2) / len(error)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against believing the figures; empty where nothing does."""
        found = []
        few = self.effective_sample_size < _FEWEST_EFFECTIVE
        if few.any():
            found.append(
                f"The weight of one chain dominates for {share(few)} of the examples: their "
                "estimates are too low. Take more steps, then more chains."
            )
        stuck = self.acceptance < 0.2
        if stuck.any():
            found.append(
                f"Fewer than a fifth of the proposals are accepted for {share(stuck)} of the "
                "examples: take more steps, so that step sizes can follow the temperature."
            )
        return tuple(found)

    def __str__(self) -> str:
        n, chains = self.log_weights.shape
        lines = [
            f"log p(x) = {with_error(self.mean, self.mean_standard_error)} nats "
            f"({n} examples, {chains} chains of {self.steps} steps each)",
            f"effective chains: median {np.median(self.effective_sample_size):.1f}; "
            f"accepted: {np.mean(self.acceptance):.2f}",
            *(f"warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def annealed_importance_sampling(
    model: LatentVariableModel,
    x: Any,
    steps: int = 1000,
    chains: int = 16,
    start: str = "prior",
    leapfrog_steps: int = 10,
    seed: int = 0,
    batch_size: int = 100,
    verbose: bool = False,
) -> AnnealedEstimate:
    r"""Log-likelihood of each example by annealed importance sampling.

    Chains run through the densities $f_t(z) = p_0(z)^{1 - \beta_t}\, p(x, z)^{\beta_t}$, from
    $\beta_0 = 0$ to $\beta_T = 1$, by Hamiltonian Monte Carlo. The weight of a chain is

    $$w = \prod_{t=1}^T \frac{f_t(z_{t-1})}{f_{t-1}(z_{t-1})}, \qquad \mathbb{E}[w] = p(x)$$

    and the estimate, the logarithm of the mean weight of all chains, is a lower bound in
    expectation (Neal, 2001, "Annealed importance sampling"; for VAEs Wu, Burda, Salakhutdinov and
    Grosse, 2017, "On the quantitative analysis of decoder-based generative models"). It does not
    need a good posterior. More steps help more than more chains; `bidirectional_monte_carlo` tells
    how many are enough.

    Step sizes are tuned to an acceptance of 0.65, per temperature and example, by four chains of
    their own before the others run, so that no weight depends on its own tuning. Latent values
    with a constrained support (positive numbers, simplices) move in unconstrained coordinates.

    One example costs about (chains + 4) x steps x leapfrog_steps gradients of the decoder; few
    examples or chains at once cost more each, for their matrix products are small. The
    chains run in compiled calls of a twentieth of the steps each: Ctrl-C is heard in between, and
    leaves the model as it is.

    Args:
        model: The VAE; its latent values must be continuous.
        x: Examples, of shape (n, *event shape).
        steps: $T$, at least 2.
        chains: Chains per example.
        start: $p_0$: "prior", or "posterior" for $q(z \mid x)$, which is nearer if it is any good
            and as wide as the true one.
        leapfrog_steps: Steps per Hamiltonian trajectory.
        seed: Integer seed.
        batch_size: Examples that run together; times `chains`, the batch of the decoder.
        verbose: Whether a progress bar is shown.

    Returns:
        An `AnnealedEstimate`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: The latent values are discrete, or their support has no bijector onto it; a
            number is too small; x is empty, has another shape or values that are not finite.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> x = np.zeros((4, 3), "float32")
        >>> found = kb.evaluation.annealed_importance_sampling(vae, x, steps=20, chains=2)
        >>> found.log_likelihood.shape
        (4,)
    """
    owner = "annealed_importance_sampling"
    batch_size = whole_number(owner, "batch_size", batch_size)
    annealing = prepare(owner, model, steps, chains, start, leapfrog_steps)
    rows, seed = annealing.model.examples(x), ops.whole_seed(seed)
    bar = Bar(-(-count(rows) // batch_size) * annealing.calls(1), verbose)

    def run(batch, index):
        sizes = annealing.tuned_step_sizes(batch, seed, index, bar)
        return annealing.log_weights(batch, sizes, seed, index, bar)

    found = map_rows(run, rows, batch_size)
    log_weights, acceptance = (ops.convert_to_numpy(a).astype("float64") for a in found)
    return AnnealedEstimate(log_weights, acceptance, annealing.steps)
