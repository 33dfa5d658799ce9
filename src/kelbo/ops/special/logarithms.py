"""Logarithms whose digits do not cancel: of odds, of complements, of what is multiplied by 0."""

import math
from typing import Any

from keras import ops

from kelbo.ops.floats import as_floats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

# A branch that is not taken still has a gradient, and NaN there would spread: so each branch below
# is computed at an argument that is moved to a harmless place where the branch does not apply.


@symbolic
def logit(p: Any) -> Tensor:
    """The inverse of the sigmoid, log(p / (1 - p)).

    Args:
        p: A tensor of probabilities in [0, 1].

    Returns:
        A tensor of the shape of `p`; -inf at 0 and inf at 1.

    Example:
        >>> from kelbo import ops
        >>> float(ops.logit(0.5))
        0.0
    """
    (p,) = as_floats(p)
    return ops.log(p) - ops.log1p(-p)


@symbolic
def log1mexp(x: Tensor) -> Tensor:
    """The logarithm of 1 - exp(-|x|), without cancellation near zero or far from it.

    For x < 0 this is log(1 - exp(x)), the log-probability of the complement of an event with
    log-probability x. The two branches meet at log 2 (M. Mächler, "Accurately computing
    log(1 - exp(-|a|))", 2012).

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`, at most 0; -inf at 0, where the gradient is infinite.

    Example:
        >>> from kelbo import ops
        >>> float(ops.log1mexp(-0.6931472))  # log(1 - 1/2)
        -0.693...
    """
    (x,) = as_floats(x)
    return _log_one_minus_exp(ops.where(x < 0, x, -x))


def _log_one_minus_exp(x):
    """The logarithm of 1 - exp(x) for x <= 0; NaN for x > 0."""
    near = x > -math.log(2.0)
    return ops.where(
        near,
        ops.log(-ops.expm1(ops.where(near, x, -1.0))),
        ops.log1p(-ops.exp(ops.where(near, -1.0, x))),
    )


@symbolic
def softplus_inverse(y: Tensor) -> Tensor:
    """The inverse of softplus: log(exp(y) - 1), computed as y + log(1 - exp(-y)).

    Args:
        y: A positive tensor.

    Returns:
        A tensor x of the shape of `y` with softplus(x) = y; -inf at 0, NaN below.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.softplus(ops.softplus_inverse(3.0))), 5)
        3.0
    """
    (y,) = as_floats(y)
    return y + _log_one_minus_exp(-y)


@symbolic
def xlogy(x: Tensor, y: Tensor) -> Tensor:
    """The product x log(y), and 0 where x is 0, whatever y is.

    Where x is 0 and log(y) is not finite, both derivatives are 0 too.

    Args:
        x: A tensor.
        y: A tensor, broadcast against `x`.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> from kelbo import ops
        >>> float(ops.xlogy(0.0, 0.0))
        0.0
    """
    x, y = as_floats(x, y)
    return _zero_times(ops.log, x, y, lowest=0.0)


@symbolic
def xlog1py(x: Tensor, y: Tensor) -> Tensor:
    """The product x log(1 + y), and 0 where x is 0, whatever y is.

    Where x is 0 and log(1 + y) is not finite, both derivatives are 0 too.

    Args:
        x: A tensor.
        y: A tensor, broadcast against `x`.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> from kelbo import ops
        >>> float(ops.xlog1py(0.0, -1.0))
        0.0
    """
    x, y = as_floats(x, y)
    return _zero_times(ops.log1p, x, y, lowest=-1.0)


def _zero_times(log, x, y, lowest):
    """The product x log(y), with `log` of y = 1 where x is 0 and log(y) is infinite."""
    singular = ops.logical_and(x == 0, ops.logical_or(y <= lowest, y == math.inf))
    return x * log(ops.where(singular, 1.0 + lowest, y))
