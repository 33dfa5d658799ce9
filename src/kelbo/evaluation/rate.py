"""Rate and distortion: the two halves of the evidence lower bound."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.distributions import has_kl, kl_divergence
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.text import with_error
from kelbo.models import LatentVariableModel
from kelbo.parameters import whole_number
from kelbo.training import map_rows

# Posterior samples in memory at once, per example.
_SAMPLES_PER_STEP = 20


@dataclass(frozen=True, eq=False)
class RateDistortion:
    """Rate and distortion of examples. All arrays are of shape (n,), in nats.

    Attributes:
        rate: The divergence of each posterior from the prior.
        rate_standard_error: Its Monte Carlo error; 0 where it has a closed form.
        distortion: The expected negative log-likelihood.
        distortion_standard_error: Its Monte Carlo error; inf for one sample.
    """

    rate: np.ndarray
    rate_standard_error: np.ndarray
    distortion: np.ndarray
    distortion_standard_error: np.ndarray

    @property
    def elbo(self) -> float:
        """Mean evidence lower bound over the examples: minus rate, minus distortion."""
        return -float(np.mean(self.rate) + np.mean(self.distortion))

    def __str__(self) -> str:
        def mean(values, errors):
            return with_error(np.mean(values), np.sqrt(np.mean(errors**2) / len(errors)))

        return (
            f"rate {mean(self.rate, self.rate_standard_error)} nats, "
            f"distortion {mean(self.distortion, self.distortion_standard_error)} nats, "
            f"ELBO {self.elbo:.4g} nats ({len(self.rate)} examples)"
        )


def rate_distortion(
    model: LatentVariableModel,
    x: Any,
    samples: int = 100,
    seed: int = 0,
    batch_size: int = 100,
    verbose: bool = False,
) -> RateDistortion:
    r"""Rate and distortion of each example.

    $$R(x) = \mathrm{KL}(q(z \mid x) \Vert p(z)), \qquad
        D(x) = -\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)], \qquad -\mathrm{ELBO} = D + R$$

    (Alemi, Poole, Fischer, Dillon, Saurous and Murphy, 2018, "Fixing a broken ELBO", section 3.)
    Models of one ELBO differ in where they lie on the line D + R: a rate near 0 is a collapsed
    posterior, whatever the bound.

    The rate has its closed form where there is one, else it is estimated from the same samples.
    The samples are streamed: memory does not grow with their number.

    Args:
        model: The VAE.
        x: Examples, of shape (n, *event shape).
        samples: Posterior samples per example.
        seed: Integer seed.
        batch_size: Examples per compiled call.
        verbose: Whether a progress bar is shown.

    Returns:
        A `RateDistortion`.

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
        >>> kb.evaluation.rate_distortion(vae, np.zeros((4, 3), "float32")).rate.shape
        (4,)
    """
    samples = whole_number("rate_distortion", "samples", samples)
    latent = LatentModel("rate_distortion", model)
    at_once = min(samples, _SAMPLES_PER_STEP)

    def terms(x, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index)
        observed = latent.observed(x, seeds)
        problem = latent.problem(observed)
        posterior, prior = problem.posterior, problem.prior
        closed = kl_divergence(posterior, prior) if has_kl(posterior, prior) else None

        def draw(step):
            z, log_posterior = posterior.sample_and_log_prob((at_once,), seeds.fold_in(step + 1))
            rate = log_posterior - problem.log_prior(z) if closed is None else None
            distortion = -problem.log_likelihood(z)
            counts = step * at_once + ops.arange(at_once, dtype="int32") < samples
            return [v for v in (distortion, rate) if v is not None], counts[:, None]

        def add(step, moments):
            values, counts = draw(step)
            return [
                _next_moments(own, value, counts)
                for own, value in zip(moments, values, strict=True)
            ]

        nothing = ops.zeros((problem.batch_size,), "float32")
        start = [(nothing, nothing, nothing) for _ in range(1 if closed is not None else 2)]
        moments = ops.fori_loop(0, -(-samples // at_once), add, start)
        found = [(mean, squares) for _, mean, squares in moments]
        return found if closed is None else [*found, (closed, nothing)]

    run = latent.compiled(f"rate_distortion {samples}", terms)
    rows = latent.examples(x)
    seed = ops.whole_seed(seed)
    found = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size, verbose)
    (distortion, squares), (rate, rate_squares) = (
        [ops.convert_to_numpy(value).astype("float64") for value in pair] for pair in found
    )
    closed = not np.any(rate_squares)
    return RateDistortion(
        rate=rate,
        rate_standard_error=np.zeros_like(rate) if closed else _error(rate_squares, samples),
        distortion=distortion,
        distortion_standard_error=_error(squares, samples),
    )


def _next_moments(moments, values, counts):
    """Count, mean and sum of squared deviations with a block of values added (Chan et al., 1983).

    Deviations are not a difference of large sums: log densities are large, their spread is small.
    """
    count, mean, squares = moments
    flags = ops.cast(counts, values.dtype)
    added = ops.sum(flags + ops.zeros_like(values), axis=0)
    values = ops.where(counts, values, ops.zeros_like(values))
    block_mean = ops.sum(values, axis=0) / added
    block_squares = ops.sum(flags * ops.square(values - block_mean), axis=0)
    total, shift = count + added, block_mean - mean
    return (
        total,
        mean + shift * added / total,
        squares + block_squares + ops.square(shift) * count * added / total,
    )


def _error(squares, samples):
    if samples == 1:
        return np.full_like(squares, np.inf)
    return np.sqrt(squares / (samples - 1) / samples)
