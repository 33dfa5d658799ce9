"""Stack: one bijector for each slice."""

from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.composite import CompositeBijector
from kelbo.bijectors.parts import broadcast_parts, in_each
from kelbo.parameters import Constraint, Shape, broadcast_shapes
from kelbo.registration import registered


@registered
class Stack(CompositeBijector):
    r"""$y_i = f_i(x_i)$: the i-th bijector maps the i-th slice.

    Of bijectors of numbers it makes one of vectors, with one bijector for each entry; of n
    bijectors of vectors one of n x d matrices, with one for each row. The log-determinants add.
    For parts of different sizes see `Split`.

    Args:
        bijectors: The maps $f_1, \dots, f_n$, all of numbers, all of vectors, or all of matrices.

    Raises:
        ValueError: The list is empty, or the maps are not all of the same kind.

    Example:
        >>> from kelbo.bijectors import Exp, Identity, Stack
        >>> Stack([Exp(), Identity()]).forward([0.0, 7.0])
        [1., 7.]
    """

    def __init__(self, bijectors: Sequence[Bijector]):
        self.bijectors = tuple(bijectors)
        if not self.bijectors:
            raise ValueError("Stack: bijectors is empty; give at least one.")
        ranks = {(b.event_rank, b.inverse_event_rank) for b in self.bijectors}
        if len(ranks) > 1:
            raise ValueError(
                "Stack: all bijectors must map values of the same rank to values of the same rank, "
                f"but the ranks are {sorted(ranks)}."
            )
        super().__init__(*self.bijectors)
        self._ranks = ranks.pop()

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x: one more than those of each map."""
        return self._ranks[0] + 1

    @property
    def inverse_event_rank(self) -> int:
        return self._ranks[1] + 1

    @property
    def batch_shape(self) -> Shape:
        return broadcast_shapes(*(b.batch_shape for b in self.bijectors))

    def _ranks_within(self, rank):
        return [rank - 1] * len(self.bijectors)

    @property
    def is_affine(self) -> bool:
        """Whether all of the maps are affine."""
        return all(bijector.is_affine for bijector in self.bijectors)

    @property
    def domain(self) -> Constraint:
        """Each slice is in the domain of its map."""
        sets = [b.domain for b in self.bijectors]
        return in_each(sets, self.event_rank, lambda x: self._slices(x, self._ranks[0]))

    @property
    def codomain(self) -> Constraint:
        """Each slice is in the codomain of its map."""
        sets = [b.codomain for b in self.bijectors]
        return in_each(sets, self.inverse_event_rank, lambda y: self._slices(y, self._ranks[1]))

    def _slices(self, x, rank):
        inner = (slice(None),) * rank
        return [x[(..., i, *inner)] for i in range(len(self.bijectors))]

    def _forward_and_log_det(self, x):
        slices = self._slices(x, self._ranks[0])
        pairs = zip(self.bijectors, slices, strict=True)
        return self._joined([b._forward_and_log_det(part) for b, part in pairs], self._ranks[1])

    def _inverse_and_log_det(self, y):
        slices = self._slices(y, self._ranks[1])
        pairs = zip(self.bijectors, slices, strict=True)
        return self._joined([b._inverse_and_log_det(part) for b, part in pairs], self._ranks[0])

    def _joined(self, results, rank):
        parts, log_dets = zip(*results, strict=True)
        return ops.stack(broadcast_parts(parts, log_dets, rank), axis=-rank - 1), sum(log_dets)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._event_shape(shape, self._ranks[0], "forward_event_shape")

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._event_shape(shape, self._ranks[1], "inverse_event_shape")

    def _event_shape(self, shape, rank, method):
        shape = self._checked(shape, rank + 1)
        place, count = len(shape) - rank - 1, len(self.bijectors)
        if shape[place] not in (None, count):
            raise ValueError(
                f"Stack: there are {count} bijectors, one for each slice, which does not fit "
                f"values of shape {shape}, with {shape[place]} slices."
            )
        inner = {getattr(b, method)(shape[place + 1 :]) for b in self.bijectors}
        if len(inner) > 1:
            raise ValueError(f"Stack: the slices have different shapes: {sorted(inner)}.")
        return (*shape[:place], count, *inner.pop())

    def _arguments(self, parameters):
        return {"bijectors": self.bijectors}
