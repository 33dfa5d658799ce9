"""Inverse: a bijector with its two directions swapped."""

from collections.abc import Sequence
from typing import Any

from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.composite import CompositeBijector
from kelbo.parameters import Constraint, Shape
from kelbo.registration import registered


@registered
class Inverse(CompositeBijector):
    r"""$y = f^{-1}(x)$.

    Args:
        bijector: The map $f$.

    Example:
        >>> from kelbo.bijectors import Exp, Inverse
        >>> float(Inverse(Exp()).forward(1.0))
        0.0
    """

    def __init__(self, bijector: Bijector):
        self.bijector = bijector
        super().__init__(bijector)

    @property
    def batch_shape(self) -> Shape:
        return self.bijector.batch_shape

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return self.bijector.inverse_event_rank

    @property
    def inverse_event_rank(self) -> int:
        return self.bijector.event_rank

    def _ranks_within(self, rank):
        return [rank - self.event_rank + self.inverse_event_rank]

    @property
    def domain(self) -> Constraint:
        """The values of x that may be given."""
        return self.bijector.codomain

    @property
    def codomain(self) -> Constraint:
        """The values of y that are reached."""
        return self.bijector.domain

    @property
    def is_affine(self) -> bool:
        """Whether the map inside is affine."""
        return self.bijector.is_affine

    @property
    def is_increasing(self) -> Any:
        return self.bijector.is_increasing

    def _forward_and_log_det(self, x):
        return self.bijector._inverse_and_log_det(x)

    def _inverse_and_log_det(self, y):
        return self.bijector._forward_and_log_det(y)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.bijector.inverse_event_shape(shape)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.bijector.forward_event_shape(shape)

    def _arguments(self, parameters):
        return {"bijector": self.bijector}
