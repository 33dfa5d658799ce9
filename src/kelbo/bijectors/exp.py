"""Exp: from the real numbers onto the positive ones."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class Exp(Bijector):
    r"""$y = e^x$ for each entry; the log-determinant is $x$.

    Example:
        >>> from kelbo.bijectors import Exp
        >>> float(Exp().forward(0.0))
        1.0
    """

    codomain = constraints.positive
    is_increasing = True

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return ops.exp(x), x

    def _inverse_and_log_det(self, y):
        x = ops.log(y)
        return x, -x
