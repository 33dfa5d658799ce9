"""Affine: multiplies each entry by a number and adds another."""

from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Affine(Bijector):
    r"""$y = a x + b$ for each entry; the log-determinant is $\log \lvert a \rvert$.

    For a matrix in the place of $a$ see `AffineTriL`.

    Args:
        shift: $b$; broadcasts with x.
        scale: $a$, not 0, of either sign; broadcasts with x.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `shift` is not finite, `scale` is 0 or not finite, or their shapes do not
            broadcast.

    Example:
        >>> from kelbo.bijectors import Affine
        >>> float(Affine(shift=1.0, scale=-2.0).forward(3.0))
        -5.0
    """

    parameters = {"shift": constraints.real, "scale": constraints.nonzero}
    is_affine = True

    def __init__(
        self, shift: ArrayLike, scale: ArrayLike, *, dtype: str | None = None, validate: bool = True
    ):
        super().__init__(shift=shift, scale=scale, dtype=dtype, validate=validate)

    @property
    def is_increasing(self) -> Any:
        return self.scale > 0

    def _forward_and_log_det(self, x):
        y = self.scale * x + self.shift
        return y, ops.broadcast_to(ops.log(ops.abs(self.scale)), ops.shape(y))

    def _inverse_and_log_det(self, y):
        x = (y - self.shift) / self.scale
        return x, ops.broadcast_to(-ops.log(ops.abs(self.scale)), ops.shape(x))
