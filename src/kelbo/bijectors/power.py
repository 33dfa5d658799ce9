"""Power: raises positive numbers to a power."""

from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Power(Bijector):
    r"""$y = x^p$ for each entry $x > 0$; the log-determinant is $\log|p| + (p - 1) \log x$.

    Args:
        power: $p$, not 0, of either sign; broadcasts with x.
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `power` is 0 or not finite.

    Example:
        >>> from kelbo.bijectors import Power
        >>> float(Power(2.0).forward(3.0))
        9.0
    """

    parameters = {"power": constraints.nonzero}
    domain = constraints.positive
    codomain = constraints.positive

    def __init__(self, power: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(power=power, dtype=dtype, validate=validate)

    @property
    def is_increasing(self) -> Any:
        return self.power > 0

    def _forward_and_log_det(self, x):
        log_slope = ops.log(ops.abs(self.power)) + (self.power - 1.0) * ops.log(x)
        return ops.power(x, self.power), log_slope

    def _inverse_and_log_det(self, y):
        inverse = 1.0 / self.power
        log_slope = (inverse - 1.0) * ops.log(y) - ops.log(ops.abs(self.power))
        return ops.power(y, inverse), log_slope
