"""Identity: leaves everything as it is."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.registration import registered


@registered
class Identity(Bijector):
    r"""$y = x$; the log-determinant is 0.

    The place holder where a bijector is asked for and none is wanted: in a `Split`, or as what
    `onto` gives for the real numbers.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Identity
        >>> float(Identity().forward(2.0))
        2.0
    """

    is_affine = True
    is_increasing = True

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return x, ops.zeros_like(x)

    def _inverse_and_log_det(self, y):
        return y, ops.zeros_like(y)
