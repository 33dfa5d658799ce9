"""Softplus: from the real numbers onto those above an end, linear for large ones."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, constraints, real_number
from kelbo.registration import registered


@registered
class Softplus(Bijector):
    r"""$y = m + \log(1 + e^x)$ for each entry.

    The log-determinant is $-\log(1 + e^{-x})$, finite however far out x is. Unlike `Exp` it does
    not overflow: y is $m + x$ for large x, and $m + e^x$ for very negative ones.

    Args:
        low: The lower end $m$, a number.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Raises:
        ValueError: `low` is not a finite number.

    Example:
        >>> from kelbo.bijectors import Softplus
        >>> float(Softplus().forward(0.0))  # log 2
        0.6931...
    """

    is_increasing = True

    def __init__(self, low: float = 0.0, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)
        self.low = real_number("Softplus", "low", low)

    @property
    def codomain(self) -> Constraint:
        """The numbers above `low`."""
        return constraints.greater_than(self.low) if self.low else constraints.positive

    def _forward(self, x):
        y = ops.softplus(x)
        return y + self.low if self.low else y

    def _forward_and_log_det(self, x):
        return self._forward(x), -ops.softplus(-x)

    def _inverse_and_log_det(self, y):
        y = y - self.low if self.low else y
        log_slope = ops.log1mexp(y)  # log(1 - exp(-y))
        return y + log_slope, -log_slope

    def _arguments(self, parameters):
        return {**parameters, "low": self.low}
