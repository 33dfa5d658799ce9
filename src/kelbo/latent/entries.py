"""What stands under `Independent`: the entries of a value, one by one."""

from typing import Any

from kelbo.distributions import Distribution, Independent, Masked


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


def masked(distribution: Distribution, mask: Any, owner: str) -> Distribution:
    """A distribution of which some entries count for nothing.

    Args:
        distribution: A distribution whose entries are independent.
        mask: True where an entry counts, of a shape that broadcasts to that of a value.
        owner: Who asks, for the error.

    Returns:
        A distribution over values of the same shape.

    Raises:
        ValueError: The entries are not independent.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.latent.entries import masked
        >>> seen = masked(Normal.standard((2,)), [True, False], "VAE")
        >>> float(seen.log_prob([0.0, 5.0]))
        -0.9189...
    """
    entries = Masked(by_dimension(distribution, owner), mask)
    return Independent(entries, len(distribution.event_shape))
