"""The gamma and beta functions: float32 and float64, differentiable, also on `KerasTensor`s."""

import math

from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.series import stirling_correction
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

# A branch that is not taken still has a gradient, and NaN there would spread: so each branch below
# is computed at an argument that is moved to a harmless place where the branch does not apply.


@symbolic
def lgamma(x: Tensor) -> Tensor:
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
def digamma(x: Tensor) -> Tensor:
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
def betaln(a: Tensor, b: Tensor) -> Tensor:
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
