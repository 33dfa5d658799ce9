"""Supports of posterior and prior: what an objective that compares their densities asks of them."""

from kelbo.bijectors.image import Image, holds_all
from kelbo.bijectors.inclusion import leaves
from kelbo.distributions import Distribution
from kelbo.parameters import Constraint
from kelbo.parameters.constraints import Interval


def require_comparable(objective: str, posterior: Distribution, prior: Distribution) -> None:
    """Refuses densities that are relative to different measures.

    Args:
        objective: Who asks, for the error.
        posterior: A distribution of the posterior's kind.
        prior: A distribution of the prior's kind.

    Raises:
        ValueError: One is discrete, or on a surface, and the other is not, or on another one.
    """
    kinds = posterior.support.kind, prior.support.kind
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{objective} compares or reports densities of posterior and prior, but values of "
            f"{posterior!r} are {kinds[0]} and those of {prior!r} {kinds[1]}. Take a prior over "
            "the posterior's values."
        )


def require_inside(inner: Distribution, outer: Distribution, why: str) -> None:
    """Refuses a distribution that draws values at which another one is certainly 0.

    Args:
        inner: The one that draws, of the kind of a posterior or prior.
        outer: The other one.
        why: What needs it, and how, for the error.

    Raises:
        ValueError: The first has values that the second does not.
    """
    draws, values = inner.support, outer.support
    is_known = has_fixed_ends(draws) and (has_fixed_ends(values) or holds_all(draws))
    if is_known and leaves(draws, values):
        raise ValueError(
            f"{why}, but values of {inner!r} are {draws.rule}, and those of {outer!r} "
            f"{values.rule}. Take a prior over the posterior's values."
        )


def has_fixed_ends(support: Constraint) -> bool:
    """Whether no parameter moves the ends: those of a template have no meaning.

    Args:
        support: The support of a distribution.

    Returns:
        The truth of it.

    Example:
        >>> from kelbo.latent.supports import has_fixed_ends
        >>> from kelbo.parameters import constraints
        >>> has_fixed_ends(constraints.unit_interval)
        True
    """
    while isinstance(support, Image):
        support = support.inner
    if not isinstance(support, Interval):
        return True
    return all(end is None or isinstance(end, int | float) for end in (support.low, support.high))
