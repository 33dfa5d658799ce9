r"""The second derivative of what $\log \Gamma$ is besides $x \log x - x$, and its differences.

With $f(x) = \log \Gamma(x) - x \log x + x$ it is $f'' = \psi' - 1 / x$, which goes to
$1 / (2 x^2)$. The divergences of the Gamma, Beta and Dirichlet families are integrals of it. Both
are sums of positive terms: by the recurrence of $\psi'$ up to $x + 8$, and by its asymptotic series
from there on.
"""

from keras import ops

from kelbo.typing import Tensor

_SHIFT = 8
# Of ψ'(z) - 1 / z in powers of 1 / z, from the second on: 1/2, and the Bernoulli numbers B_2k.
_SERIES = (
    *(0.5, 1 / 6, 0.0, -1 / 30, 0.0, 1 / 42, 0.0, -1 / 30, 0.0, 5 / 66, 0.0, -691 / 2730, 0.0),
    *(7 / 6, 0.0, -3617 / 510, 0.0, 43867 / 798, 0.0, -174611 / 330),
)


def log_gamma_curvature(x: Tensor, step: Tensor, other_step: Tensor) -> Tensor:
    r"""$(\psi'(x) - 1 / x)$ times two steps.

    Args:
        x: A positive tensor.
        step: A tensor, of the order of x or less: so nothing leaves the dtype.
        other_step: Another one.

    Returns:
        A tensor of the broadcast shape.
    """
    total = ops.zeros_like(x + step)
    for i in range(_SHIFT):
        # 1 / y² less 1 / (y (y + 1)), the part of 1 / x.
        y = x + i
        total = total + (step / y) * (other_step / y) / (y + 1.0)
    z = x + _SHIFT
    inverse = 1.0 / z
    series = ops.zeros_like(z)
    for coefficient in reversed(_SERIES):
        series = coefficient + inverse * series
    return total + (step * inverse) * (other_step * inverse) * series


def log_gamma_curvature_drop(x: Tensor, shift: Tensor, step: Tensor) -> Tensor:
    r"""By how much $\psi'(x) - 1 / x$ falls from x to x + shift, times the square of a step.

    Args:
        x: A positive tensor.
        shift: A positive tensor, large or small beside x.
        step: A tensor, of the order of x or less.

    Returns:
        A tensor of the broadcast shape, not negative.
    """
    total = ops.zeros_like(x + shift + step)
    for i in range(_SHIFT):
        y = x + i
        p, q = 1.0 / y, 1.0 / (y + shift)
        r, s = 1.0 / (y + 1.0), 1.0 / (y + 1.0 + shift)
        first, second = step * p, step * q
        squares = first * first * (shift * q) * (1.0 + y * q)
        total = total + squares * r + second * second * r * (shift * s)
    y = x + _SHIFT
    p, q = 1.0 / y, 1.0 / (y + shift)
    # Horner's rule for the series at p, and for its difference quotient between p and q.
    at_p = at_q = quotient = ops.zeros_like(p + q)
    for coefficient in reversed(_SERIES):
        quotient = at_q + p * quotient
        at_p, at_q = coefficient + p * at_p, coefficient + q * at_q
    first, second = step * p, step * q
    squares = first * first * (shift * q) * (1.0 + y * q)
    return total + squares * at_p + second * second * (p * (shift * q)) * quotient
