"""The standard normal distribution function, its logarithm and its inverse."""

import math
from typing import Any

from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.series import polynomial
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

# A branch that is not taken still has a gradient, and NaN there would spread: so each branch below
# is computed at an argument that is moved to a harmless place where the branch does not apply.


@symbolic
def normal_cdf(x: Tensor) -> Tensor:
    """The standard normal distribution function, Φ(x) = erfc(-x / √2) / 2.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`, with full relative accuracy in the left tail.

    Example:
        >>> from kelbo import ops
        >>> float(ops.normal_cdf(0.0))
        0.5
    """
    (x,) = as_floats(x)
    return 0.5 * backend.erfc(-x * math.sqrt(0.5))


@symbolic
def normal_quantile(p: Any) -> Tensor:
    """The inverse of the standard normal distribution function, Φ⁻¹(p).

    Args:
        p: A tensor of probabilities in [0, 1].

    Returns:
        A tensor of the shape of `p`; -inf at 0 and inf at 1.

    Example:
        >>> from kelbo import ops
        >>> round(float(ops.normal_quantile(0.975)), 2)
        1.96
    """
    (p,) = as_floats(p)
    return backend.normal_quantile(p)


@symbolic
def log_normal_cdf(x: Tensor) -> Tensor:
    """The logarithm of the standard normal distribution function, log Φ(x), right in both tails.

    The right half is log1p(-Φ(-x)), the middle log(erfc(-x / √2) / 2), and below -10 the asymptotic
    series -x²/2 - log(-x √(2π)) + log(1 - 1/x² + 3/x⁴ - ...).

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> from kelbo import ops
        >>> float(ops.log_normal_cdf(-100.0))
        -5005.5...
    """
    (x,) = as_floats(x)
    left, right = x < -10.0, x > 0.0
    tail = ops.where(left, x, -10.0)
    series = ops.log1p(polynomial(1.0 / (tail * tail), _NORMAL_TAIL))
    in_tail = -0.5 * tail * tail - ops.log(-tail) - 0.5 * math.log(2.0 * math.pi) + series
    # Not further left than the branch goes: erfc would underflow, and its logarithm be infinite.
    middle = ops.where(ops.logical_or(left, right), 0.0, x)
    in_middle = ops.log(0.5 * backend.erfc(-middle * math.sqrt(0.5)))
    above = ops.where(right, x, 0.0)
    on_right = ops.log1p(-0.5 * backend.erfc(above * math.sqrt(0.5)))
    return ops.where(left, in_tail, ops.where(right, on_right, in_middle))


# 0, -1, 3, -15, ...: (-1)^n (2n - 1)!! goes with x^(-2n). At -10 the first term left out is 1e-13.
_NORMAL_TAIL = (
    0.0,
    *(float((-1) ** n * math.prod(range(1, 2 * n, 2))) for n in range(1, 13)),
)
