"""Links: from the numbers that train, or that a network returns, onto what a parameter may be."""

from kelbo.bijectors import Bijector, Softplus, onto
from kelbo.parameters import Constraint, constraints, real_number
from kelbo.parameters.constraints import Interval

# Nearer to 0 than this no scale, rate or concentration comes: a density that grows without bound
# around one example is no model of it.
FLOOR = 1e-3
_FROM_ZERO = (constraints.positive, constraints.positive_vector, constraints.nonnegative)


def link_onto(constraint: Constraint, floor: float | None = None) -> Bijector:
    r"""The bijector by which a parameter that obeys a constraint is learned.

    Above an end it is a softplus, $m + \log(1 + e^r)$, which grows linearly: one step of an
    optimizer does not multiply the value, as with an exponential. For all other sets it is that of
    `bijectors.onto`.

    Args:
        constraint: What the parameter must be.
        floor: How far above the end of the set values stay; None for right up to it. Of sets with a
            lower end and no upper one; 0 or more.

    Returns:
        A bijector from unconstrained numbers, vectors or matrices.

    Raises:
        ValueError: There is no bijector onto the set, a floor of a set without a lower end, or one
            that is negative.

    Example:
        >>> from kelbo.layers.links import link_onto
        >>> from kelbo.parameters import constraints
        >>> float(link_onto(constraints.greater_than(2.0)).forward(0.0))
        2.6931...
    """
    if floor is not None:
        floor = real_number("link_onto", "floor", floor, least=0)
    low = _lower_end(constraint)
    if low is not None:
        return Softplus(low + (floor or 0.0))
    if floor is not None:
        raise ValueError(
            f"link_onto: a floor of {floor!r} has no meaning for what must be {constraint.rule}: "
            "it is a distance from a lower end, of sets without an upper one."
        )
    return onto(constraint)


def _lower_end(constraint):
    """The lower end of a set that has no other, where it is a number; else None."""
    if constraint in _FROM_ZERO:
        return 0.0
    if not isinstance(constraint, Interval) or constraint.is_discrete:
        return None
    is_number = isinstance(constraint.low, int | float)
    return float(constraint.low) if is_number and constraint.high is None else None


def head_link(constraint: Constraint) -> Bijector:
    """The bijector that turns outputs of a network into a parameter that obeys a constraint.

    Args:
        constraint: The parameter's rule.

    Returns:
        A softplus with a floor of 1e-3 for what must be positive, as in `ConditionalNormal`;
        `bijectors.onto(constraint)` for all else.

    Example:
        >>> from kelbo.distributions import constraints
        >>> from kelbo.layers.links import head_link
        >>> float(head_link(constraints.positive).forward(-100.0))
        0.0010...
    """
    if constraint in (constraints.positive, constraints.positive_vector):
        return link_onto(constraint, FLOOR)
    return onto(constraint)
