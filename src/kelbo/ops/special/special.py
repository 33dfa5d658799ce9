"""Special functions, elementwise: float32 and float64, differentiable, also on `KerasTensor`s."""

import math
from typing import Any

from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.series import polynomial, stirling_correction
from kelbo.ops.symbolic import symbolic

# A branch that is not taken still has a gradient, and NaN there would spread: so each branch below
# is computed at an argument that is moved to a harmless place where the branch does not apply.


@symbolic
def lgamma(x: Any) -> Any:
    """The logarithm of the absolute value of the gamma function, log |Γ(x)|.

    Its derivative is `digamma`.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`; +inf at 0, -1, -2, ...

    Example:
        >>> from kelbo import ops
        >>> float(ops.lgamma(5.0))  # log 24
        3.178...
    """
    (x,) = as_floats(x)
    return backend.lgamma(x)


@symbolic
def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function, ψ(x) = d log Γ(x) / dx.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> from kelbo import ops
        >>> float(ops.digamma(1.0))  # minus Euler's constant
        -0.577...
    """
    (x,) = as_floats(x)
    return backend.digamma(x)


@symbolic
def betaln(a: Any, b: Any) -> Any:
    """The logarithm of the beta function, log B(a, b) = log Γ(a) + log Γ(b) - log Γ(a + b).

    Where an argument is large the three terms cancel: there Stirling's series is subtracted by hand
    (A. R. DiDonato and A. H. Morris, "Algorithm 708", ACM TOMS 18, 1992), and the relative error
    stays at a few units in the last place.

    Args:
        a: A positive tensor.
        b: A positive tensor, broadcast against `a`.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> from kelbo import ops
        >>> float(ops.betaln(2.0, 3.0))  # log 1/12
        -2.484...
    """
    a, b = as_floats(a, b)
    small, large = ops.where(a < b, a, b), ops.where(a < b, b, a)
    both_large, one_large = small >= 8.0, large >= 8.0

    p, q = ops.where(both_large, small, 8.0), ops.where(one_large, large, 8.0)
    both = (
        0.5 * (math.log(2.0 * math.pi) - ops.log(q))
        - (p - 0.5) * ops.log1p(q / p)
        - q * ops.log1p(p / q)
        + stirling_correction(p)
        + stirling_correction(q)
        - stirling_correction(p + q)
    )
    p = ops.where(both_large, 1.0, small)
    one = (
        backend.lgamma(p)
        + p * (1.0 - ops.log(q))
        - (p + q - 0.5) * ops.log1p(p / q)
        + stirling_correction(q)
        - stirling_correction(p + q)
    )
    q = ops.where(one_large, 1.0, large)
    none = backend.lgamma(p) + backend.lgamma(q) - backend.lgamma(p + q)
    return ops.where(both_large, both, ops.where(one_large, one, none))


@symbolic
def logit(p: Any) -> Any:
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
def log1mexp(x: Any) -> Any:
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
def softplus_inverse(y: Any) -> Any:
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
def xlogy(x: Any, y: Any) -> Any:
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
def xlog1py(x: Any, y: Any) -> Any:
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


@symbolic
def normal_cdf(x: Any) -> Any:
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
def normal_quantile(p: Any) -> Any:
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
def log_normal_cdf(x: Any) -> Any:
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
