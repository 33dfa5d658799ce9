"""Inclusion: whether draws can leave the domain of a bijector, or the support of a prior."""

from typing import Any

import numpy as np

from kelbo import ops
from kelbo.bijectors.image import Image, holds_all
from kelbo.parameters import Constraint, constraints
from kelbo.parameters.constraints import Interval

_HALF_LINES = (
    constraints.positive,
    constraints.positive_vector,
    constraints.nonnegative,
    constraints.nonnegative_integer,
)
_SHARES = (constraints.simplex, constraints.open_simplex)
_UNIT = (*_SHARES, constraints.one_hot, constraints.boolean)
# Sets that do not hold every vector or matrix, nor every corner of a box, and are no boxes.
_PARTS = (
    *_SHARES,
    constraints.log_simplex,
    constraints.one_hot,
    constraints.unit_vector,
    constraints.ordered,
    constraints.lower_triangular,
    constraints.lower_cholesky,
    constraints.correlation_cholesky,
    constraints.positive_definite,
)
# What two computations of one end may differ by, as a share of it.
_ROUNDING = 1e-5


def leaves(support: Constraint, domain: Constraint) -> bool:
    """Whether a set certainly holds more than a second one, by more than its ends.

    Args:
        support: The set.
        domain: The second set.

    Returns:
        True where that is certain. False where the first set lies in the second, and where it
        cannot be told: an end is traced by a compiler, or a set is known by its test alone.

    Example:
        >>> from kelbo.bijectors.inclusion import leaves
        >>> from kelbo.parameters import constraints
        >>> leaves(constraints.real, constraints.positive)
        True
        >>> leaves(constraints.unit_interval, constraints.positive)
        False
    """
    if support is domain or holds_all(domain):
        return False
    if (holds_all(support) or support is constraints.boolean) and domain in _PARTS:
        return True
    inner, outer = _ends(support), _ends(domain)
    if inner is None or outer is None:
        return False
    try:
        return _is_below(inner[0], outer[0]) or _is_below(-inner[1], -outer[1])
    except ValueError:  # batches that do not broadcast: said by whoever puts them together
        return False


def _is_below(end, limit):
    slack = _ROUNDING * np.where(np.isfinite(limit), np.maximum(np.abs(limit), 1e-30), 0.0)
    return bool(np.any(end < limit - slack))


def _ends(constraint) -> tuple[np.ndarray, np.ndarray] | None:
    """The least and the greatest number in a set, infinite where there is none; None: unknown."""
    if holds_all(constraint) or constraint is constraints.integer:
        return np.array(-np.inf), np.array(np.inf)
    if constraint in _HALF_LINES:
        return np.array(0.0), np.array(np.inf)
    if constraint in _UNIT:
        return np.array(0.0), np.array(1.0)
    if isinstance(constraint, Interval):
        low, high = _number(constraint.low, -np.inf), _number(constraint.high, np.inf)
        return None if low is None or high is None else (low, high)
    return _ends_of_image(constraint) if isinstance(constraint, Image) else None


def _ends_of_image(constraint):
    """The ends of what a monotone map of numbers makes of a set with ends."""
    increasing, ends = constraint.bijector.is_increasing, _ends(constraint.inner)
    if increasing is None or ends is None:
        return None
    increasing = _number(increasing)
    images = [_number(constraint.bijector.forward(end)) for end in ends]
    if increasing is None or any(end is None or np.isnan(end).any() for end in images):
        return None
    low, high = images
    return np.where(increasing, low, high), np.where(increasing, high, low)


def _number(end: Any, missing: float | None = None) -> Any:
    """A number or concrete tensor as an array; None for one that is traced."""
    if end is None:
        return np.array(missing)
    if not ops.is_concrete(end):
        return None
    return np.asarray(ops.convert_to_numpy(end))
