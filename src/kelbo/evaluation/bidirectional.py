"""Bidirectional Monte Carlo: the log-likelihood of simulated data between two bounds."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from scipy.special import logsumexp

from kelbo import ops
from kelbo.evaluation.annealing import Bar, prepare
from kelbo.evaluation.text import with_error
from kelbo.latent.terms.dreams import dream
from kelbo.models import LatentVariableModel
from kelbo.parameters import whole_number
from kelbo.training import map_rows


@dataclass(frozen=True, eq=False)
class BidirectionalEstimate:
    """Bounds on the log-likelihood of examples that a model made. Arrays are of shape (n, ...).

    Attributes:
        x: The examples; a dict of the parts of the data where these have parts.
        z: The latent values that they were drawn from; a dict where these have parts.
        forward_log_weights: Of chains from the start of the path, of shape (n, chains).
        backward_log_weights: Of chains from the exact posterior, of shape (n, chains).
        acceptance: How often a proposal was accepted, of shape (n,).
        steps: Number of ratios of densities in each weight.
    """

    x: np.ndarray | dict[str, Any]
    z: np.ndarray | dict[str, np.ndarray]
    forward_log_weights: np.ndarray
    backward_log_weights: np.ndarray
    acceptance: np.ndarray
    steps: int

    @property
    def lower(self) -> np.ndarray:
        """Lower bounds in expectation, in nats, of shape (n,)."""
        return _log_mean(self.forward_log_weights)

    @property
    def upper(self) -> np.ndarray:
        """Upper bounds in expectation, in nats, of shape (n,)."""
        return -_log_mean(-self.backward_log_weights)

    @property
    def gap(self) -> float:
        """Mean of upper less lower bound, in nats: the error of either is at most that."""
        return float(np.mean(self.upper - self.lower))

    @property
    def gap_standard_error(self) -> float:
        """Of `gap`, over the examples; NaN for one."""
        n = len(self.lower)
        return float(np.std(self.upper - self.lower, ddof=1) / np.sqrt(n)) if n > 1 else np.nan

    def __str__(self) -> str:
        n, chains = self.forward_log_weights.shape
        return (
            f"log p(x) of {n} simulated examples lies between {np.mean(self.lower):.3f} and "
            f"{np.mean(self.upper):.3f} nats\n"
            f"gap: {with_error(self.gap, self.gap_standard_error)} nats "
            f"({chains} chains of {self.steps} steps each; "
            f"accepted: {np.mean(self.acceptance):.2f})"
        )


def _log_mean(log_weights):
    return logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])


def bidirectional_monte_carlo(
    model: LatentVariableModel,
    n: int = 100,
    steps: int = 1000,
    chains: int = 16,
    start: str = "prior",
    leapfrog_steps: int = 10,
    seed: int = 0,
    batch_size: int = 100,
    verbose: bool = False,
    context: Any = None,
) -> BidirectionalEstimate:
    r"""How exact annealed importance sampling is for a model, on data that it made itself.

    Of an example drawn from the model, $z^* \sim p(z)$ and $x \sim p(x \mid z^*)$, one draw from
    the exact posterior is known: $z^*$. Chains from there, backwards through the path of
    `annealed_importance_sampling`, have weights with $\mathbb{E}[1 / w] = 1 / p(x)$, so that

    $$\log \frac{1}{C} \sum_c w_c^{\rightarrow} \;\le\; \log p(x) \;\le\;
        -\log \frac{1}{C} \sum_c \frac{1}{w_c^{\leftarrow}}$$

    in expectation (Grosse, Ghahramani and Adams, 2015, "Sandwiching the marginal likelihood using
    bidirectional Monte Carlo"). The gap bounds the error of both, for data that are like the
    model's own (as Wu et al., 2017, use it for VAEs). Where it is small, the same settings may be
    believed on real data.

    Args:
        model: The VAE; its latent values must be continuous.
        n: How many examples are simulated.
        steps: As in `annealed_importance_sampling`.
        chains: As there, in each direction.
        start: As there.
        leapfrog_steps: As there.
        seed: Integer seed.
        batch_size: Examples that run together.
        verbose: Whether a progress bar is shown.
        context: What each example is conditioned on, n rows, where the data of the model have a
            context; all else is then given it. Where they have a mask, all entries are observed.

    Returns:
        A `BidirectionalEstimate`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: As in `annealed_importance_sampling`, or `n` or `batch_size` is below 1, there
            is no context of n rows where the model needs it, or the model cannot draw examples.

    Example:
        >>> import kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> found = kb.evaluation.bidirectional_monte_carlo(vae, n=8, steps=20, chains=2)
        >>> found.lower.shape, found.upper.shape
        ((8,), (8,))
    """
    owner = "bidirectional_monte_carlo"
    n = whole_number(owner, "n", n)
    batch_size = whole_number(owner, "batch_size", batch_size)
    annealing = prepare(owner, model, steps, chains, start, leapfrog_steps, preprocessed=True)
    seed = ops.whole_seed(seed)
    x, z = _simulated(annealing.model, n, context, seed, batch_size)
    bar = Bar(-(-n // batch_size) * annealing.calls(2), verbose)

    def run(batch, index):
        x, z = batch
        sizes = annealing.tuned_step_sizes(x, seed, index, bar)
        forward, acceptance = annealing.log_weights(x, sizes, seed, index, bar)
        backward, _ = annealing.log_weights(x, sizes, seed, index, bar, z)
        return forward, backward, acceptance

    found = map_rows(run, (x, z), batch_size)
    found = [ops.convert_to_numpy(a).astype("float64") for a in found]
    return BidirectionalEstimate(x, z, *found, annealing.steps)


def _simulated(model, n, context, seed, batch_size):
    """Examples from the model, and their latent values."""
    rows = model.to_be_drawn(n, context)

    def draw(rows, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index).fold_in(0)
        observed = model.observed(rows, seeds, preprocess=False)
        z, x = dream(model.owner, model.problem(observed), seeds)
        return x, z

    run = model.compiled("simulate", draw)
    found = map_rows(lambda rows, index: run(rows, seed, index), rows, batch_size)
    return keras.tree.map_structure(ops.convert_to_numpy, found)
