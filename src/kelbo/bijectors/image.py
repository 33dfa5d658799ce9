"""Image: the set that a bijector makes of another set."""

from dataclasses import dataclass
from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, constraints
from kelbo.parameters.constraints import Interval
from kelbo.typing import ArrayLike, Tensor

# Every number; a vector or a matrix of them is in the set if each entry is.
_ALL = (constraints.real, constraints.real_vector, constraints.real_matrix)


def holds_all(constraint: Constraint) -> bool:
    """Whether a set holds every number, or every vector or matrix of numbers.

    Args:
        constraint: The set.

    Returns:
        A boolean.

    Example:
        >>> from kelbo.bijectors.image import holds_all
        >>> from kelbo.parameters import constraints
        >>> holds_all(constraints.real_vector), holds_all(constraints.positive)
        (True, False)
    """
    return constraint in _ALL


@dataclass(frozen=True, eq=False)
class Image(Constraint):
    """The values f(x) of the x in a set; make one with `image`.

    Attributes:
        inner: The set of the x.
        bijector: The map f.
    """

    inner: Constraint = constraints.real
    bijector: Bijector | None = None


def image(inner: Constraint, bijector: Bijector) -> Constraint:
    """The set of all f(x) with x in a set.

    Args:
        inner: The set, a part of the domain of the map or all of it.
        bijector: The map f.

    Returns:
        The codomain of the map where the set is its whole domain, else an `Image`.

    Example:
        >>> from kelbo.bijectors import Shift
        >>> from kelbo.bijectors.image import image
        >>> from kelbo.parameters import constraints
        >>> bool(image(constraints.positive, Shift(2.0)).contains(1.0))
        False
    """
    outer = bijector.codomain
    if holds_all(inner) or _is_same_set(inner, bijector.domain):
        return outer
    growth = bijector.inverse_event_rank - bijector.event_rank
    rank = max(bijector.inverse_event_rank, inner.event_rank + growth, outer.event_rank)

    def contains(y: ArrayLike) -> Tensor:
        reached = over_axes(outer.contains(y), rank - outer.event_rank)
        within = inner.contains(bijector.inverse(y))
        return ops.logical_and(reached, over_axes(within, rank - growth - inner.event_rank))

    return Image(
        f"the image of what is {inner.rule} under {bijector!r}",
        contains,
        event_rank=rank,
        manifold=_manifold(inner, bijector),
        inner=inner,
        bijector=bijector,
    )


def _manifold(inner, bijector):
    if inner.manifold is None or inner.manifold == bijector.domain.manifold:
        return bijector.codomain.manifold
    return f"image of a {inner.manifold}"


def _is_same_set(a, b):
    if a is b:
        return True
    is_interval = type(a) is type(b) is Interval
    return is_interval and a.rule == b.rule and _is_same(a.low, b.low) and _is_same(a.high, b.high)


def _is_same(end, other):
    if end is other or end is None or other is None:
        return end is other
    equal = ops.equal(end, other)
    return ops.is_concrete(equal) and bool(ops.all(equal))


def over_axes(contained: Any, rank: int) -> Tensor:
    """Whether all of the last `rank` axes are true.

    Args:
        contained: A boolean tensor.
        rank: How many trailing axes join the value.

    Returns:
        A boolean tensor without those axes.

    Example:
        >>> from kelbo.bijectors.image import over_axes
        >>> from kelbo.parameters import constraints
        >>> bool(over_axes(constraints.positive.contains([1.0, -1.0]), 1))
        False
    """
    return ops.all(contained, axis=tuple(range(-rank, 0))) if rank > 0 else contained
