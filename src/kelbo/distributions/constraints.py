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
        event_rank: How many trailing axes make up one value: 0 for a number, 1 for a vector, 2
            for a matrix.
        is_discrete: Whether the set is countable.
        test: Takes a tensor, returns a boolean tensor; use `contains`.

    Example:
        >>> from kelbo.distributions import constraints
        >>> bool(constraints.positive.contains(2.0))
        True
    """

    rule: str
    event_rank: int = 0
    is_discrete: bool = False
    test: Callable[[Any], Any] = field(default=lambda x: ops.equal(x, x), repr=False)

    def contains(self, value: Any) -> Any:
        """A boolean tensor: which entries of `value` obey the rule (NaN never does)."""
        value = ops.convert_to_tensor(value)
        return ops.logical_and(self.test(value), ops.equal(value, value))


def _is_lower_cholesky(x):
    above = ops.triu(x, 1)
    below = ops.all(ops.equal(above, 0), axis=(-2, -1))
    return ops.logical_and(below, ops.all(ops.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1))


def _finite(x):
    return ops.isfinite(x)


real = Constraint("a finite real number", test=_finite)
extended_real = Constraint("a real number, or infinite")
real_vector = Constraint("a vector of finite real numbers", event_rank=1, test=_finite)
positive = Constraint(
    "greater than 0 and finite", test=lambda x: ops.logical_and(x > 0, ops.isfinite(x))
)
unit_interval = Constraint("between 0 and 1", test=lambda x: ops.logical_and(x >= 0, x <= 1))
boolean = Constraint(
    "0 or 1",
    is_discrete=True,
    test=lambda x: ops.logical_or(ops.equal(x, 0), ops.equal(x, 1)),
)
lower_cholesky = Constraint(
    "a lower-triangular matrix with a positive diagonal", event_rank=2, test=_is_lower_cholesky
)
