"""Sigmoid: from the real numbers onto an interval."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Sigmoid(Bijector):
    r"""$y = l + (h - l) \, \sigma(x)$ for each entry, with $\sigma(x) = 1 / (1 + e^{-x})$.

    The log-determinant is $\log(h - l) - \log(1 + e^x) - \log(1 + e^{-x})$, finite however far out
    x is. (In float32, $\sigma(x)$ is rounded to 1 from x = 17 on: such a y has no way back.)

    Args:
        low: The lower end $l$ of the interval, which is not reached.
        high: The upper end $h$.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: An end is not finite, or `low` is not below `high`.

    Example:
        >>> from kelbo.bijectors import Sigmoid
        >>> float(Sigmoid(-1.0, 3.0).forward(0.0))
        1.0
    """

    parameters = {"low": constraints.real, "high": constraints.real}
    is_increasing = True

    def __init__(
        self,
        low: ArrayLike = 0.0,
        high: ArrayLike = 1.0,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(low=low, high=high, dtype=dtype, validate=validate)

    def _validate_values(self):
        super()._validate_values()
        widths = self.high - self.low
        if ops.is_concrete(widths) and not bool(ops.all(widths > 0)):
            narrowest = float(ops.min(widths))
            raise ValueError(
                f"Sigmoid: low must be less than high, but high - low is {narrowest:.6g} "
                f"{'at its least' if len(widths.shape) else 'here'}. "
                "Pass validate=False to skip this check."
            )

    @property
    def codomain(self) -> Constraint:
        """The numbers between `low` and `high`."""
        return constraints.open_interval(self.low, self.high)

    def _forward_and_log_det(self, x):
        width = self.high - self.low
        # From the nearer end: exact there, and never beyond it by rounding.
        is_high = x > 0
        distance = width * ops.sigmoid(ops.where(is_high, -x, x))
        y = ops.where(is_high, self.high - distance, self.low + distance)
        return y, ops.log(width) - ops.softplus(x) - ops.softplus(-x)

    def _inverse_and_log_det(self, y):
        log_below, log_above = ops.log(y - self.low), ops.log(self.high - y)
        log_width = ops.log(self.high - self.low)
        return log_below - log_above, log_width - log_below - log_above
