"""What values a parameter or a sample may take, in words and as a test."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras.backend import standardize_dtype

from kelbo import ops
from kelbo.typing import ArrayLike, Tensor


@dataclass(frozen=True, eq=False)  # ends may be tensors: a set equals itself
class Constraint:
    """A set of values: the support of a distribution, or the domain of a parameter.

    Attributes:
        rule: The set in words, as it stands in an error: "greater than 0".
        test: Takes a tensor, returns a boolean per value (NaN is never in the set); use
            `contains`.
        event_rank: How many trailing axes make up one value: 0 for a number, 1 for a vector, 2
            for a matrix.
        is_discrete: Whether the set is countable.
        manifold: What the set is, in a word, where it has fewer dimensions than a value has
            entries: "simplex", "sphere". Densities on it are not per volume of all entries.
        is_square: Of matrices, whether they must have as many rows as columns.
        measure: What else of given values an error should show: its name, and a function of a NumPy
            array of finite numbers.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.positive.contains(2.0))
        True
    """

    rule: str
    test: Callable[[Any], Any] = field(repr=False)
    event_rank: int = 0
    is_discrete: bool = False
    manifold: str | None = None
    is_square: bool = True
    measure: tuple[str, Callable[[np.ndarray], np.ndarray]] | None = None

    @property
    def kind(self) -> str:
        """How the values lie: "discrete", "continuous", or "on a simplex", "on a sphere", ....

        Densities over sets of different kinds are relative to different measures: they cannot be
        compared, nor added.
        """
        if self.is_discrete:
            return "discrete"
        return "continuous" if self.manifold is None else f"on a {self.manifold}"

    def contains(self, value: ArrayLike) -> Tensor:
        """A boolean tensor: which of the values obey the rule.

        Args:
            value: A tensor whose last `event_rank` axes make up one value.

        Returns:
            A tensor of the shape of `value` without those axes.
        """
        return self.test(ops.convert_to_tensor(value))


@dataclass(frozen=True, eq=False)  # ends may be tensors: a set equals itself
class Interval(Constraint):
    """The numbers between two ends; make one with `interval`, `greater_than` or `less_than`.

    Attributes:
        low: The lower end, a number or a tensor; None where there is none.
        high: The upper end, a number or a tensor; None where there is none.
    """

    low: Any = None
    high: Any = None


def interval(low: ArrayLike, high: ArrayLike) -> Interval:
    """The numbers from `low` to `high`, both included.

    Args:
        low: The lower end, a number or a tensor.
        high: The upper end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.interval(-1.0, 1.0).contains(0.5))
        True
    """
    return Interval(
        f"from {_show(low)} to {_show(high)}",
        lambda x: ops.logical_and(ops.greater_equal(x, low), ops.less_equal(x, high)),
        low=low,
        high=high,
    )


def open_interval(low: ArrayLike, high: ArrayLike) -> Interval:
    """The numbers between `low` and `high`, both left out.

    Args:
        low: The lower end, a number or a tensor.
        high: The upper end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.open_interval(-1.0, 1.0).contains(1.0))
        False
    """
    return Interval(
        f"greater than {_show(low)} and less than {_show(high)}",
        lambda x: ops.logical_and(ops.greater(x, low), ops.less(x, high)),
        low=low,
        high=high,
    )


def greater_than(low: ArrayLike) -> Interval:
    """The finite numbers above `low`.

    Args:
        low: The lower end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.greater_than(2.0).contains(2.0))
        False
    """
    return Interval(
        f"greater than {_show(low)} and finite",
        lambda x: ops.logical_and(ops.greater(x, low), ops.isfinite(x)),
        low=low,
    )


def at_least(low: ArrayLike) -> Interval:
    """The finite numbers from `low` on, itself included.

    Args:
        low: The lower end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.at_least(2.0).contains(2.0))
        True
    """
    return Interval(
        f"at least {_show(low)} and finite",
        lambda x: ops.logical_and(ops.greater_equal(x, low), ops.isfinite(x)),
        low=low,
    )


def less_than(high: ArrayLike) -> Interval:
    """The finite numbers below `high`.

    Args:
        high: The upper end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.less_than(2.0).contains(1.0))
        True
    """
    return Interval(
        f"less than {_show(high)} and finite",
        lambda x: ops.logical_and(ops.less(x, high), ops.isfinite(x)),
        high=high,
    )


@dataclass(frozen=True, eq=False)  # ends may be tensors: a set equals itself
class IntegerInterval(Interval):
    """The whole numbers between two ends; make one with `integer_interval`."""

    is_discrete: bool = True


def integer_interval(low: ArrayLike, high: ArrayLike) -> IntegerInterval:
    """The whole numbers from `low` to `high`, both included.

    Args:
        low: The lower end, a number or a tensor.
        high: The upper end, a number or a tensor.

    Returns:
        A constraint.

    Example:
        >>> from kelbo.parameters import constraints
        >>> bool(constraints.integer_interval(0, 255).contains(255))
        True
    """
    return IntegerInterval(
        f"a whole number from {_show(low)} to {_show(high)}",
        lambda x: ops.logical_and(
            _is_whole(x), ops.logical_and(ops.greater_equal(x, low), ops.less_equal(x, high))
        ),
        low=low,
        high=high,
    )


def _show(end):
    if getattr(end, "shape", ()) == () and ops.is_concrete(end):
        return f"{float(end):g}"
    return f"an end of shape {tuple(end.shape)}"


def _is_whole(x):
    return ops.logical_and(ops.isfinite(x), ops.equal(x, ops.floor(x)))


def _is_finite_vector(x):
    return ops.all(ops.isfinite(x), axis=-1)


def _is_finite_matrix(x):
    return ops.all(ops.isfinite(x), axis=(-2, -1))


def _is_positive(x):
    return ops.logical_and(x > 0, ops.isfinite(x))


def _is_positive_vector(x):
    return ops.all(_is_positive(x), axis=-1)


def _tolerance(x):
    # In float64 too values may have been float32 before.
    return 1e-6 if standardize_dtype(x.dtype) == "float64" else 1e-4


_SUM = ("sum along the last axis", lambda x: np.sum(x, axis=-1))


def _smallest_eigenvalue(x):
    return np.linalg.eigvalsh(0.5 * (x + np.swapaxes(x, -1, -2)))[..., 0]


def _is_log_weights(x):
    return ops.logical_and(ops.all(x < math.inf, axis=-1), ops.any(x > -math.inf, axis=-1))


def _is_simplex(x):
    off = ops.abs(ops.sum(x, axis=-1) - 1)
    return ops.logical_and(ops.all(x >= 0, axis=-1), off < _tolerance(x) * x.shape[-1])


def _is_open_simplex(x):
    return ops.logical_and(_is_simplex(x), ops.all(x > 0, axis=-1))


def _is_log_simplex(x):
    # Of rounding: a logarithm of almost 1 may come out above 0.
    return ops.abs(ops.logsumexp(x, axis=-1)) < 1e-4 * x.shape[-1]


def _is_one_hot(x):
    is_binary = ops.all(ops.logical_or(ops.equal(x, 0), ops.equal(x, 1)), axis=-1)
    return ops.logical_and(is_binary, ops.equal(ops.sum(x, axis=-1), 1))


def _is_unit_vector(x):
    off = ops.abs(ops.sum(ops.square(x), axis=-1) - 1)
    return off < _tolerance(x) * x.shape[-1]


def _is_ordered(x):
    return ops.logical_and(_is_finite_vector(x), ops.all(x[..., 1:] > x[..., :-1], axis=-1))


def _is_lower_triangular(x):
    is_lower = ops.all(ops.equal(ops.triu(x, 1), 0), axis=(-2, -1))
    return ops.logical_and(is_lower, _is_finite_matrix(x))


def _is_lower_cholesky(x):
    diagonal = ops.diagonal(x, axis1=-2, axis2=-1)
    return ops.logical_and(_is_lower_triangular(x), ops.all(diagonal > 0, axis=-1))


def _is_correlation_cholesky(x):
    off = ops.abs(ops.sum(ops.square(x), axis=-1) - 1)
    return ops.logical_and(
        _is_lower_cholesky(x), ops.all(off < _tolerance(x) * x.shape[-1], axis=-1)
    )


def _is_positive_definite(x):
    is_finite = _is_finite_matrix(x)
    transposed = ops.swapaxes(x, -1, -2)
    off = ops.max(ops.abs(x - transposed), axis=(-2, -1))
    largest = ops.max(ops.abs(x), axis=(-2, -1))
    # Eigenvalues of what is not finite would raise, or be anything.
    safe = ops.where(is_finite[..., None, None], x, ops.eye(x.shape[-1], dtype=x.dtype))
    eigenvalues = ops.eigh(0.5 * (safe + ops.swapaxes(safe, -1, -2)))[0]
    is_symmetric = off <= _tolerance(x) * largest
    is_positive = ops.all(eigenvalues > 0, axis=-1)
    return ops.logical_and(is_finite, ops.logical_and(is_symmetric, is_positive))


real = Constraint("a finite real number", lambda x: ops.isfinite(x))
real_vector = Constraint("a vector of finite real numbers", _is_finite_vector, event_rank=1)
real_matrix = Constraint(
    "a matrix of finite real numbers", _is_finite_matrix, event_rank=2, is_square=False
)
positive = Constraint("greater than 0 and finite", _is_positive)
positive_vector = Constraint(
    "a vector of numbers greater than 0 and finite", _is_positive_vector, event_rank=1
)
nonnegative = Constraint(
    "at least 0 and finite", lambda x: ops.logical_and(x >= 0, ops.isfinite(x))
)
nonzero = Constraint(
    "other than 0 and finite", lambda x: ops.logical_and(ops.not_equal(x, 0), ops.isfinite(x))
)
unit_interval = Interval(
    "between 0 and 1", lambda x: ops.logical_and(x >= 0, x <= 1), low=0.0, high=1.0
)
open_unit_interval = open_interval(0.0, 1.0)
circular = interval(-math.pi, math.pi)
boolean = Constraint(
    "0 or 1", lambda x: ops.logical_or(ops.equal(x, 0), ops.equal(x, 1)), is_discrete=True
)
integer = Constraint("a whole number", _is_whole, is_discrete=True)
nonnegative_integer = Constraint(
    "a whole number of at least 0",
    lambda x: ops.logical_and(_is_whole(x), x >= 0),
    is_discrete=True,
)
log_weights = Constraint(
    "a vector of numbers less than inf, which are not all -inf", _is_log_weights, event_rank=1
)
simplex = Constraint(
    "a vector of numbers of at least 0 that sum to 1",
    _is_simplex,
    event_rank=1,
    manifold="simplex",
    measure=_SUM,
)
open_simplex = Constraint(
    "a vector of numbers greater than 0 that sum to 1",
    _is_open_simplex,
    event_rank=1,
    manifold="simplex",
    measure=_SUM,
)
log_simplex = Constraint(
    "a vector of logarithms of numbers that sum to 1",
    _is_log_simplex,
    event_rank=1,
    manifold="simplex of logarithms",
)
one_hot = Constraint(
    "a vector with a single 1 among zeros", _is_one_hot, event_rank=1, is_discrete=True
)
unit_vector = Constraint(
    "a vector of length 1",
    _is_unit_vector,
    event_rank=1,
    manifold="sphere",
    measure=("length", lambda x: np.linalg.norm(x, axis=-1)),
)
ordered = Constraint("a vector of strictly increasing numbers", _is_ordered, event_rank=1)
lower_triangular = Constraint(
    "a lower-triangular matrix of finite real numbers",
    _is_lower_triangular,
    event_rank=2,
    manifold="space of triangular matrices",
)
lower_cholesky = Constraint(
    "a lower-triangular matrix with a positive diagonal",
    _is_lower_cholesky,
    event_rank=2,
    manifold="space of triangular matrices",
)
correlation_cholesky = Constraint(
    "a lower-triangular matrix with a positive diagonal and rows of length 1",
    _is_correlation_cholesky,
    event_rank=2,
    manifold="set of factors of correlations",
)
positive_definite = Constraint(
    "a symmetric positive-definite matrix",
    _is_positive_definite,
    event_rank=2,
    manifold="space of symmetric matrices",
    measure=("smallest eigenvalue", _smallest_eigenvalue),
)
