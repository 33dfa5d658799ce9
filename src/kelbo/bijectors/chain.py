"""Chain: one bijector after another."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector, sum_over_event
from kelbo.bijectors.composite import CompositeBijector
from kelbo.bijectors.image import image
from kelbo.bijectors.inverse import Inverse
from kelbo.parameters import Constraint, Shape, broadcast_shapes
from kelbo.registration import registered


@registered
class Chain(CompositeBijector):
    r"""The composition $y = f_n(\cdots f_2(f_1(x)))$, in the order in which they are listed.

    The first is applied first, as layers are in a `keras.Sequential`. (TensorFlow Probability
    lists them in the order of the formula, the last first.)

    Args:
        bijectors: The maps $f_1, \dots, f_n$; maps of numbers, vectors and matrices may be mixed.

    Raises:
        ValueError: The list is empty.

    Example:
        >>> from kelbo.bijectors import Chain, Exp, Scale
        >>> float(Chain([Scale(2.0), Exp()]).forward(0.0))
        1.0
    """

    def __init__(self, bijectors: Sequence[Bijector]):
        self.bijectors = tuple(bijectors)
        if not self.bijectors:
            raise ValueError("Chain: bijectors is empty; give at least one.")
        super().__init__(*self.bijectors)
        # Each map may need larger values than the one before it returns: the first gets them.
        surplus = needed = 0
        for bijector in self.bijectors:
            needed = max(needed, bijector.event_rank - surplus)
            surplus += bijector.inverse_event_rank - bijector.event_rank
        self._event_rank, self._inverse_event_rank = needed, needed + surplus

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return self._event_rank

    @property
    def inverse_event_rank(self) -> int:
        return self._inverse_event_rank

    @property
    def batch_shape(self) -> Shape:
        pairs = zip(self.bijectors, self._ranks_within(self.event_rank), strict=True)
        return broadcast_shapes(*(b.batch_shape_within(rank) for b, rank in pairs))

    def _ranks_within(self, rank):
        growths = (b.inverse_event_rank - b.event_rank for b in self.bijectors[:-1])
        return list(accumulate(growths, initial=rank))

    @property
    def domain(self) -> Constraint:
        """The values of x that the first takes, and after it all others."""
        domain = self.bijectors[-1].domain
        for bijector in reversed(self.bijectors[:-1]):
            domain = image(domain, Inverse(bijector))
        return domain

    @property
    def codomain(self) -> Constraint:
        """The values of y that are reached."""
        codomain = self.bijectors[0].codomain
        for bijector in self.bijectors[1:]:
            codomain = image(codomain, bijector)
        return codomain

    @property
    def is_affine(self) -> bool:
        """Whether all of the maps are affine."""
        return all(bijector.is_affine for bijector in self.bijectors)

    @property
    def is_increasing(self) -> Any:
        directions = [bijector.is_increasing for bijector in self.bijectors]
        if any(direction is None for direction in directions):
            return None
        increasing = True
        for direction in directions:
            increasing = direction if increasing is True else ops.equal(increasing, direction)
        return increasing

    def _forward(self, x):
        for bijector in self.bijectors:
            x = bijector._forward(x)
        return x

    def _forward_and_log_det(self, x):
        total, rank = 0.0, self.event_rank
        for bijector in self.bijectors:
            x, log_det = bijector._forward_and_log_det(x)
            total = total + sum_over_event(log_det, rank - bijector.event_rank)
            rank += bijector.inverse_event_rank - bijector.event_rank
        return x, total

    def _inverse_and_log_det(self, y):
        total, rank = 0.0, self.inverse_event_rank
        for bijector in reversed(self.bijectors):
            y, log_det = bijector._inverse_and_log_det(y)
            total = total + sum_over_event(log_det, rank - bijector.inverse_event_rank)
            rank += bijector.event_rank - bijector.inverse_event_rank
        return y, total

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        for bijector in self.bijectors:
            shape = bijector.forward_event_shape(shape)
        return tuple(shape)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        for bijector in reversed(self.bijectors):
            shape = bijector.inverse_event_shape(shape)
        return tuple(shape)

    def _arguments(self, parameters):
        return {"bijectors": self.bijectors}
