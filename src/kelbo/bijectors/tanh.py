"""Tanh: from the real numbers onto those between -1 and 1."""

import math

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Tanh(Bijector):
    r"""$y = \tanh x$ for each entry.

    The log-determinant $\log(1 - \tanh^2 x)$ is computed as
    $2 (\log 2 - x - \log(1 + e^{-2x}))$, finite however far out x is. (In float32, $\tanh x$ is
    rounded to 1 from x = 9.01 on: such a y has no way back.)

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Tanh
        >>> float(Tanh().forward(0.0))
        0.0
    """

    codomain = constraints.open_interval(-1.0, 1.0)
    is_increasing = True

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return ops.tanh(x), log_slope_of_tanh(x)

    def _inverse_and_log_det(self, y):
        log_below, log_above = ops.log1p(y), ops.log1p(-y)
        return 0.5 * (log_below - log_above), -(log_below + log_above)


def log_slope_of_tanh(x: ArrayLike) -> Tensor:
    """The logarithm of 1 - tanh(x)^2.

    Args:
        x: A tensor.

    Returns:
        A tensor of the shape of `x`.
    """
    return 2.0 * (math.log(2.0) - x - ops.softplus(-2.0 * x))
