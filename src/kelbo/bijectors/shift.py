"""Shift: adds a number to each entry."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Shift(Bijector):
    r"""$y = x + b$ for each entry; the log-determinant is 0.

    Args:
        shift: $b$, which broadcasts with x.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `shift` is not finite.

    Example:
        >>> from kelbo.bijectors import Shift
        >>> float(Shift(2.0).forward(1.0))
        3.0
    """

    parameters = {"shift": constraints.real}
    is_affine = True
    is_increasing = True

    def __init__(self, shift: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(shift=shift, dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        y = x + self.shift
        return y, ops.zeros_like(y)

    def _inverse_and_log_det(self, y):
        x = y - self.shift
        return x, ops.zeros_like(x)
