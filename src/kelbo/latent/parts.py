"""Latent values with parts: posterior and prior, part by part."""

from collections.abc import Mapping
from typing import Any

from kelbo.distributions import Distribution, Joint

# The name of a latent value that has no parts.
WHOLE = ""


def pairs(
    owner: str, posterior: Distribution, prior: Distribution
) -> dict[str, tuple[Distribution, Distribution]]:
    """Distributions of the kinds of each part of posterior and prior.

    Args:
        owner: Who asks, for the error.
        posterior: A distribution of the posterior's kind.
        prior: A distribution of the prior's kind.

    Returns:
        Pairs by name; of a latent value without parts one pair, whose name is "".

    Raises:
        ValueError: The parts of posterior and prior have other names.

    Example:
        >>> from kelbo.distributions import Normal
        >>> from kelbo.latent.parts import pairs
        >>> list(pairs("ELBO()", Normal(0.0, 1.0), Normal(0.0, 1.0)))
        ['']
    """
    if not isinstance(posterior, Joint) and not isinstance(prior, Joint):
        return {WHOLE: (posterior, prior)}
    names = [set(d.names) if isinstance(d, Joint) else None for d in (posterior, prior)]
    if names[0] != names[1]:
        raise ValueError(
            f"{owner}: posterior and prior must have parts of the same names, but they are "
            f"{posterior!r} and {prior!r}."
        )
    of_posterior, of_prior = posterior.kinds(), prior.kinds()
    return {name: (of_posterior[name], of_prior[name]) for name in posterior.names}


def parts_of(distribution: Distribution) -> dict[str, Distribution]:
    """Distributions of the kinds of the parts.

    Args:
        distribution: Any.

    Returns:
        Distributions by name; of one without parts itself, whose name is "".
    """
    return distribution.kinds() if isinstance(distribution, Joint) else {WHOLE: distribution}


def at_draws(
    posterior: Joint, prior: Joint, values: Mapping[str, Any]
) -> dict[str, tuple[Distribution, Distribution]]:
    """The distributions of each part of posterior and prior, given the drawn ancestors.

    Args:
        posterior: The posterior.
        prior: The prior.
        values: Latent values by name.

    Returns:
        Pairs by name.
    """
    return {n: (posterior.part(n, values), prior.part(n, values)) for n in posterior.names}
