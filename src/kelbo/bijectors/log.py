"""Log: from the positive numbers onto the real ones."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class Log(Bijector):
    r"""$y = \log x$ for each entry $x > 0$; the log-determinant is $-\log x$.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Log
        >>> float(Log().forward(1.0))
        0.0
    """

    domain = constraints.positive
    is_increasing = True

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        y = ops.log(x)
        return y, -y

    def _inverse_and_log_det(self, y):
        return ops.exp(y), y
