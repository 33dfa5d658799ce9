"""What values a parameter or a sample may take, in words and as a test."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kelbo import ops


@dataclass(frozen=True)
class Constraint:
    """A set of values: the support of a distribution, or the domain of a parameter.

    Attributes:
        rule: The set in words, as it stands in an error: "greater than 0".
        test: Takes a tensor, returns a boolean per value (NaN is never in the set); use
            `contains`.
        event_rank: How many trailing axes make up one value: 0 for a number, 1 for a vector, 2
            for a matrix.
        is_discrete: Whether the set is countable.

    Example:
        >>> from kelbo.distributions import constraints
        >>> bool(constraints.positive.contains(2.0))
        True
    """

    rule: str
    test: Callable[[Any], Any] = field(repr=False)
    event_rank: int = 0
    is_discrete: bool = False

    def contains(self, value: Any) -> Any:
        """A boolean tensor: which of the values obey the rule.

        Args:
            value: A tensor whose last `event_rank` axes make up one value.

        Returns:
            A tensor of the shape of `value` without those axes.
        """
        return self.test(ops.convert_to_tensor(value))


def _is_finite_vector(x):
    return ops.all(ops.isfinite(x), axis=-1)


def _is_positive(x):
    return ops.logical_and(x > 0, ops.isfinite(x))


def _is_lower_cholesky(x):
    diagonal = ops.diagonal(x, axis1=-2, axis2=-1)
    is_lower = ops.all(ops.equal(ops.triu(x, 1), 0), axis=(-2, -1))
    is_finite = ops.all(ops.isfinite(x), axis=(-2, -1))
    return ops.logical_and(ops.logical_and(is_lower, is_finite), ops.all(diagonal > 0, axis=-1))


real = Constraint("a finite real number", lambda x: ops.isfinite(x))
real_vector = Constraint("a vector of finite real numbers", _is_finite_vector, event_rank=1)
positive = Constraint("greater than 0 and finite", _is_positive)
unit_interval = Constraint("between 0 and 1", lambda x: ops.logical_and(x >= 0, x <= 1))
open_unit_interval = Constraint(
    "greater than 0 and less than 1", lambda x: ops.logical_and(x > 0, x < 1)
)
boolean = Constraint(
    "0 or 1", lambda x: ops.logical_or(ops.equal(x, 0), ops.equal(x, 1)), is_discrete=True
)
lower_cholesky = Constraint(
    "a lower-triangular matrix with a positive diagonal", _is_lower_cholesky, event_rank=2
)
