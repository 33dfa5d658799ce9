"""Scale: multiplies each entry by a number."""

from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Scale(Bijector):
    r"""$y = a x$ for each entry; the log-determinant is $\log \lvert a \rvert$.

    Args:
        scale: $a$, not 0, of either sign; broadcasts with x.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale` is 0 or not finite.

    Example:
        >>> from kelbo.bijectors import Scale
        >>> float(Scale(-2.0).forward(3.0))
        -6.0
    """

    parameters = {"scale": constraints.nonzero}
    is_affine = True

    def __init__(self, scale: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(scale=scale, dtype=dtype, validate=validate)

    @property
    def is_increasing(self) -> Any:
        return self.scale > 0

    def _forward_and_log_det(self, x):
        y = self.scale * x
        return y, ops.broadcast_to(ops.log(ops.abs(self.scale)), ops.shape(y))

    def _inverse_and_log_det(self, y):
        x = y / self.scale
        return x, ops.broadcast_to(-ops.log(ops.abs(self.scale)), ops.shape(x))
