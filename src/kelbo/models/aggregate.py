"""What the posteriors of a batch say together, and each of their dimensions by itself."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution, kl_divergence
from kelbo.estimators.entries import by_dimension


def kl_per_dimension(posterior: Distribution, prior: Distribution) -> Any:
    """The divergence of each entry of the latent value, in nats.

    Args:
        posterior: Of batch shape (batch,), with independent entries.
        prior: With independent entries.

    Returns:
        A tensor of shape (batch, *latent shape).

    Raises:
        ValueError: The entries are not independent.
        NotImplementedError: No closed form is known.

    Example:
        >>> from kelbo.distributions import Independent, Normal
        >>> from kelbo.models.aggregate import kl_per_dimension
        >>> posterior = Independent(Normal([[0.0, 1.0]], 1.0), 1)
        >>> kl_per_dimension(posterior, Normal.standard((2,))).shape
        (1, 2)
    """
    entries = (by_dimension(d, "A divergence per dimension") for d in (posterior, prior))
    return kl_divergence(*entries)


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
