"""What stands under `Independent`: the entries of a latent value, one by one."""

from kelbo.distributions import Distribution, Independent


def inside(distribution: Distribution) -> Distribution:
    """The distribution under any number of `Independent`.

    Args:
        distribution: Any.

    Returns:
        A distribution that is no `Independent`.

    Example:
        >>> from kelbo.distributions import Bernoulli, Independent
        >>> from kelbo.latent.entries import inside
        >>> inside(Independent(Bernoulli(logits=[0.0, 1.0]), 1)).batch_shape
        (2,)
    """
    return (
        inside(distribution.distribution) if isinstance(distribution, Independent) else distribution
    )


def by_dimension(distribution: Distribution, owner: str) -> Distribution:
    """The distributions of single numbers that an Independent one is made of.

    Args:
        distribution: A distribution whose entries are independent.
        owner: Who asks, for the error.

    Returns:
        A distribution of numbers, whose batch ends in the event's axes.

    Raises:
        ValueError: The entries are not independent.
    """
    found = inside(distribution)
    if found.event_shape:
        raise ValueError(
            f"{owner} needs the dimensions one by one, but those of {distribution!r} are not "
            "independent distributions of numbers: take an Independent one, as ConditionalNormal "
            "and Normal.standard make."
        )
    return found
