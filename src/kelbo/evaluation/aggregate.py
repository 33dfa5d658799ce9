"""Draws from the aggregate posterior of a data set, and their densities."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from scipy.special import logsumexp

from kelbo import ops
from kelbo.distributions import Distribution, Joint, Normal, has_kl, kl_divergence
from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.evaluation.coordinates import as_vectors, count
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.units import posterior_means
from kelbo.latent.entries import inside
from kelbo.latent.parts import at_draws
from kelbo.training import map_rows


@dataclass(frozen=True, eq=False)
class AggregateDraws:
    r"""A draw $z_i \sim q(z \mid x_i)$ for each of n examples, and log densities in nats.

    Attributes:
        z: The draws, of shape (n, *latent shape).
        log_posterior: $\log q(z_i \mid x_i)$, of shape (n,).
        log_aggregate: $\log \frac{1}{n} \sum_j q(z_i \mid x_j)$, of shape (n,).
        log_prior: $\log p(z_i)$, of shape (n,); where the prior depends on a context,
            $\log p(z_i \mid c_i)$.
        log_aggregate_prior: $\log \frac{1}{n} \sum_j p(z_i \mid c_j)$, of shape (n,); the same as
            `log_prior` where the prior depends on nothing.
        kl: Mean over the examples of the divergence of the posterior from the prior.
        kl_per_dimension: The same of each dimension's marginals, of the latent shape; None where
            marginals are not known.
        variance_of_means: See `ActiveUnits`; of the latent shape.
        prior_context: What the prior depends on, for each example; None for nothing.
    """

    z: np.ndarray
    log_posterior: np.ndarray
    log_aggregate: np.ndarray
    log_prior: np.ndarray
    log_aggregate_prior: np.ndarray
    kl: float
    kl_per_dimension: np.ndarray | None
    variance_of_means: np.ndarray
    prior_context: Any

    @property
    def mutual_information(self) -> tuple[float, float]:
        r"""$I(x; z) = \frac{1}{n} \sum_i \log q(z_i \mid x_i) - \log q(z_i)$, and its error.

        Where the prior depends on a context c, what z says of x beside c is asked for. Both this
        figure, which counts what z says of c, and the divergence from $p(z \mid c)$, which counts
        how far the codes of a c are from their prior, are above $I(x; z \mid c)$: the lesser one.
        """
        found = [_mean_and_error(self.log_posterior - self.log_aggregate)]
        if self.prior_context is not None:
            found.append(_mean_and_error(self.log_posterior - self.log_prior))
        return min(found)

    @property
    def marginal_kl(self) -> tuple[float, float]:
        r"""$\mathrm{KL}(q(z) \Vert p(z))$, and its standard error."""
        return _mean_and_error(self.log_aggregate - self.log_aggregate_prior)


def _mean_and_error(values):
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def aggregate_draws(
    owner: str, model: Any, x: Any, seed: int, batch_size: int, verbose: bool
) -> AggregateDraws:
    """Draws from the aggregate posterior; pairs of examples are taken block by block.

    Args:
        owner: Name of the function, for errors.
        model: The VAE.
        x: Examples.
        seed: Integer seed.
        batch_size: Examples per block: a compiled call takes the square of it of pairs.
        verbose: Whether a progress bar is shown.

    Returns:
        The draws.

    Raises:
        TypeError: `model` is no VAE.
        ValueError: There are fewer than 2 examples, they have another shape or values that are not
            finite, or the density of posterior or prior at its draws is NaN.
    """
    latent = LatentModel(owner, model)
    rows = latent.examples(x)
    number = len(keras.tree.flatten(rows)[0])
    if number < 2:
        raise ValueError(f"{owner}: it needs at least 2 examples, got {number}.")

    def draw(x, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index)
        problem = latent.problem(latent.observed(x, seeds))
        posterior, prior = problem.posterior, problem.prior
        z, log_posterior = posterior.sample_and_log_prob((1,), seeds.fold_in(1))
        found = {
            "log_posterior": log_posterior[0],
            "log_prior": problem.log_prior(z)[0],
        }
        if has_kl(posterior, prior):
            found["kl"] = kl_divergence(posterior, prior)
        z = keras.tree.map_structure(lambda part: part[0], z)
        per_dimension = _kl_per_dimension(posterior, prior, z)
        if per_dimension is not None:
            found["kl_per_dimension"] = per_dimension
        return z, found

    run = latent.compiled("aggregate draws", draw)
    seed = ops.whole_seed(seed)
    z, found = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size)
    for name, shown in (("log_posterior", "log q(z|x)"), ("log_prior", "log p(z)")):
        latent.require_numbers(shown, ops.convert_to_numpy(found[name]))
    prior_context = model.context_of_prior(rows)
    scored = ("posterior",) if prior_context is None else ("posterior", "prior")
    starts = range(0, number, batch_size)
    bar = keras.utils.Progbar(len(starts), unit_name="block") if verbose else None

    def score(z, block, seed, index):
        # The block is seen as it was when it was drawn from, also after a random preprocessing.
        observed = latent.observed(block, ops.SeedSequence(seed).fold_in(index))
        problem, many = latent.problem(observed), count(observed)

        def pairs(part):
            part = part[:, None]
            return ops.broadcast_to(part, (ops.shape(part)[0], many, *part.shape[2:]))

        z = keras.tree.map_structure(pairs, z)
        return {n: ops.logsumexp(getattr(problem, n).log_prob(z), axis=1) for n in scored}

    run_pairs = latent.compiled("aggregate pairs", score)
    blocks = []
    for index, start in enumerate(starts):
        block = keras.tree.map_structure(lambda a: a[start : start + batch_size], rows)  # noqa: B023
        scores = map_rows(lambda z, _: run_pairs(z, block, seed, index), z, batch_size)  # noqa: B023
        blocks.append({n: ops.convert_to_numpy(s).astype("float64") for n, s in scores.items()})
        if bar is not None:
            bar.update(index + 1)
    arrays = {n: ops.convert_to_numpy(value).astype("float64") for n, value in found.items()}
    per_dimension = arrays.get("kl_per_dimension")
    difference = arrays["log_posterior"] - arrays["log_prior"]
    aggregate = {n: logsumexp([b[n] for b in blocks], axis=0) - np.log(number) for n in scored}
    return AggregateDraws(
        z=ops.convert_to_numpy(as_vectors(z)).astype("float64"),
        log_posterior=arrays["log_posterior"],
        log_aggregate=aggregate["posterior"],
        log_prior=arrays["log_prior"],
        log_aggregate_prior=aggregate.get("prior", arrays["log_prior"]),
        kl=float(np.mean(arrays.get("kl", difference))),
        kl_per_dimension=None if per_dimension is None else per_dimension.mean(axis=0),
        variance_of_means=np.var(posterior_means(latent, rows, seed, batch_size), axis=0, ddof=1),
        prior_context=prior_context,
    )


def _marginals(distribution: Distribution) -> Distribution | None:
    """The distributions of the entries by themselves; None where they are not known."""
    found = inside(distribution)
    if isinstance(found, MultivariateNormal):
        return Normal(found.mean(), found.stddev(), validate=False)
    return None if found.event_shape else found


def _kl_per_dimension(posterior, prior, z):
    """The divergence of each entry by itself, at a draw where it has no closed form, or None."""
    if isinstance(posterior, Joint):
        each = {
            name: _kl_per_dimension(*pair, z[name])
            for name, pair in at_draws(posterior, prior, z).items()
        }
        return None if None in each.values() else as_vectors(each)
    marginals = _marginals(posterior), _marginals(prior)
    return None if None in marginals else _kl_of_entries(*marginals, z)


def _kl_of_entries(posterior, prior, z):
    if has_kl(posterior, prior):
        return kl_divergence(posterior, prior)
    return posterior.log_prob(z) - prior.log_prob(z)
