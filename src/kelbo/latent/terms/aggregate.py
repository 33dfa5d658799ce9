"""What the posteriors of a batch say together."""

from collections.abc import Mapping
from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.latent.entries import by_dimension
from kelbo.latent.problem import LatentProblem
from kelbo.latent.terms.term import Term


class LogAggregate(Term):
    r"""$\log q(z_s)$ under the posteriors of the batch, averaged, of shape (samples, batch)."""

    name = "log_aggregate"
    of_samples = True

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        by_dimension(posterior, owner)

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return log_aggregate_posterior(problem.posterior, draws["latent"])


class LogAggregateMarginals(LogAggregate):
    r"""$\sum_d \log q(z_{s,d})$ under them, of shape (samples, batch)."""

    name = "log_aggregate_marginals"

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        return log_aggregate_posterior(problem.posterior, draws["latent"], marginals=True)


def log_aggregate_posterior(posterior: Distribution, z: Any, marginals: bool = False) -> Any:
    r"""The log density of latent values under the mean of the batch's posteriors.

    $\log \frac{1}{B} \sum_j q(z \mid x_j)$, or, for the marginals, the sum over dimensions of
    $\log \frac{1}{B} \sum_j q(z_d \mid x_j)$.

    Args:
        posterior: Of batch shape (batch,), with independent entries.
        z: Latent values, of shape (samples, batch, *latent shape).
        marginals: Whether the dimensions are treated one by one.

    Returns:
        A tensor of shape (samples, batch), in nats.

    Raises:
        ValueError: The entries are not independent.
    """
    entries = by_dimension(posterior, "An aggregate posterior")
    # The axis of the posteriors stands after that of the draws.
    each = entries.log_prob(ops.expand_dims(z, 2))
    event_axes = tuple(range(3, len(each.shape)))
    log_batch = ops.log(ops.cast(ops.shape(z)[1], each.dtype))
    if marginals:
        total = ops.logsumexp(each, axis=2) - log_batch
        return ops.sum(total, axis=tuple(axis - 1 for axis in event_axes)) if event_axes else total
    return ops.logsumexp(ops.sum(each, axis=event_axes) if event_axes else each, axis=2) - log_batch
