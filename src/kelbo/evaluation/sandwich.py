"""The evidence between a lower and an upper bound."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo.evaluation.annealed_importance import annealed_importance_sampling
from kelbo.evaluation.importance import importance_estimate
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.pareto import pareto_k_threshold
from kelbo.evaluation.text import share, with_error
from kelbo.evaluation.weights import stream_weights
from kelbo.models import LatentVariableModel
from kelbo.parameters import real_number, whole_number

# Fewer equal powers of weights than these say little of the chi bound.
_FEWEST_EFFECTIVE = 20.0


@dataclass(frozen=True, eq=False)
class EvidenceSandwich:
    r"""Bounds on the log evidence of examples. All arrays are of shape (n,), in nats.

    Attributes:
        lower: The better lower bound.
        lower_standard_error: Its Monte Carlo error.
        upper: The chi upper bound.
        upper_standard_error: Its Monte Carlo error.
        method: What the lower bound is: "importance sampling" or "annealed importance sampling".
        effective_sample_size: Of the importance weights.
        upper_effective_sample_size: Of their n-th powers, whose mean the upper bound is.
        pareto_k: Of the importance weights.
        n: Order of the chi bound.
        samples: Importance weights per example.
        warnings: What speaks against believing the figures; empty where nothing does.
    """

    lower: np.ndarray
    lower_standard_error: np.ndarray
    upper: np.ndarray
    upper_standard_error: np.ndarray
    method: str
    effective_sample_size: np.ndarray
    upper_effective_sample_size: np.ndarray
    pareto_k: np.ndarray
    n: float
    samples: int
    warnings: tuple[str, ...]

    @property
    def gap(self) -> float:
        """Mean of upper less lower bound, in nats."""
        return float(np.mean(self.upper - self.lower))

    def __str__(self) -> str:
        def line(name, values, errors, how):
            error = np.sqrt(np.mean(errors**2) / len(errors))
            return f"{name} {with_error(np.mean(values), error)} nats ({how})"

        chi = f"chi bound of order {self.n:g}, {self.samples} samples"
        return "\n".join(
            [
                line("log p(x) >=", self.lower, self.lower_standard_error, self.method),
                line("log p(x) <=", self.upper, self.upper_standard_error, chi),
                *(f"warning: {warning}" for warning in self.warnings),
            ]
        )


def evidence_sandwich(
    model: LatentVariableModel,
    x: Any,
    samples: int = 5000,
    n: float = 2.0,
    steps: int | None = None,
    chains: int = 16,
    leapfrog_steps: int = 10,
    seed: int = 0,
    batch_size: int = 100,
    verbose: bool = False,
) -> EvidenceSandwich:
    r"""Lower and upper bounds on $\log p(x)$, of each example.

    The lower bound is the importance-weighted one with all samples; with `steps`, annealed
    importance sampling is run too and the one with the larger mean over the examples is taken.
    (One choice for all: the larger of two noisy figures per example would be no bound.) The upper
    bound is that of the chi divergence,

    $$\log p(x) \le \frac{1}{n} \log \mathbb{E}_{q(z \mid x)}\Big[
        \Big(\frac{p(x, z)}{q(z \mid x)}\Big)^n\Big]$$

    estimated from the same weights (Dieng, Tran, Ranganath, Paisley and Blei, 2017, "Variational
    inference via chi upper bound minimization", eq. 3). Its estimate is too low from few samples,
    and may then lie below the evidence: powers of weights have heavier tails than weights. The
    result's `warnings` say for how many examples that is so: where the effective sample size of the
    powers is below 20, or n times Pareto k-hat above `pareto_k_threshold`. A posterior trained by
    `objectives.ChiUpperBound` makes the bound tight.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape).
        samples: Importance weights per example.
        n: Order of the chi bound, at least 1.
        steps: Of `annealed_importance_sampling`; None leaves it out.
        chains: Of `annealed_importance_sampling`.
        leapfrog_steps: Of `annealed_importance_sampling`.
        seed: Integer seed.
        batch_size: Examples per compiled call.
        verbose: Whether progress bars are shown.

    Returns:
        An `EvidenceSandwich`.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: `n` is below 1 or not finite, a number is too small, or x is empty, has another
            shape or values that are not finite.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> vae = kb.models.VAE(
        ...     prior=kb.distributions.Normal.standard((2,)),
        ...     likelihood=kb.layers.ConditionalNormal((3,)),
        ...     posterior=kb.layers.ConditionalNormal((2,)),
        ... )
        >>> x = np.zeros((4, 3), "float32")
        >>> found = kb.evaluation.evidence_sandwich(vae, x, samples=100)
        >>> bool((found.lower <= found.upper).all())
        True
    """
    owner = "evidence_sandwich"
    samples = whole_number(owner, "samples", samples)
    n = real_number(owner, "n", n, least=1)
    latent = LatentModel(owner, model)
    sums = stream_weights(latent, x, samples, seed, batch_size, verbose, powers=(1.0, n))
    plain = importance_estimate(sums)
    best, method, warnings = plain, "importance sampling", plain.warnings
    if steps is not None:
        annealed = annealed_importance_sampling(
            model,
            x,
            steps,
            chains,
            leapfrog_steps=leapfrog_steps,
            seed=seed,
            batch_size=batch_size,
            verbose=verbose,
        )
        if annealed.mean > plain.mean:
            best, method, warnings = annealed, "annealed importance sampling", annealed.warnings
    of_powers = sums.effective_sample_size(n)
    vague = ~(
        (of_powers >= _FEWEST_EFFECTIVE) & (n * plain.pareto_k <= pareto_k_threshold(samples))
    )
    if vague.any():
        warnings += (
            f"The upper bound comes from few samples for {share(vague)} of the examples, and may "
            "lie below the evidence there. Take more samples, or train the posterior by "
            "objectives.ChiUpperBound.",
        )
    return EvidenceSandwich(
        lower=best.log_likelihood,
        lower_standard_error=best.standard_error,
        upper=sums.log_mean(n) / n,
        upper_standard_error=sums.standard_error(n) / n,
        method=method,
        effective_sample_size=plain.effective_sample_size,
        upper_effective_sample_size=of_powers,
        pareto_k=plain.pareto_k,
        n=n,
        samples=samples,
        warnings=warnings,
    )
