"""Split: different bijectors on parts of a vector."""

from collections.abc import Sequence
from itertools import accumulate

from kelbo import ops
from kelbo.bijectors.bijector import Bijector, sum_over_event
from kelbo.bijectors.composite import CompositeBijector
from kelbo.bijectors.parts import broadcast_parts, in_each
from kelbo.parameters import Constraint, Shape, broadcast_shapes, whole_number
from kelbo.registration import registered


@registered
class Split(CompositeBijector):
    r"""Splits vectors into parts, maps each by its own bijector, and puts them together again.

    The log-determinants add. For one bijector per entry see `Stack`. TensorFlow Probability calls
    it `Blockwise`.

    Args:
        bijectors: Maps of vectors to vectors, or of numbers (these act on each entry of the part).
        sizes: How many entries each part of x has.

    Raises:
        ValueError: There are not as many sizes as bijectors, or none; a size is not a whole number
            of at least 1, or one that its bijector does not map; or a bijector is one of matrices.

    Example:
        >>> from kelbo.bijectors import Exp, Ordered, Split
        >>> Split([Exp(), Ordered()], [1, 2]).forward([0.0, 5.0, 0.0])
        [1., 5., 6.]
    """

    event_rank = 1

    def __init__(self, bijectors: Sequence[Bijector], sizes: Sequence[int]):
        self.bijectors = tuple(bijectors)
        self.sizes = tuple(whole_number("Split", "each of sizes", size) for size in sizes)
        if not self.bijectors or len(self.bijectors) != len(self.sizes):
            raise ValueError(
                f"Split: give one size for each bijector, and at least one; got "
                f"{len(self.bijectors)} bijectors and the sizes {list(self.sizes)}."
            )
        for bijector in self.bijectors:
            if (bijector.event_rank, bijector.inverse_event_rank) not in ((0, 0), (1, 1)):
                raise ValueError(
                    f"Split: {bijector!r} maps values of rank {bijector.event_rank} to values of "
                    f"rank {bijector.inverse_event_rank}; parts of a vector are vectors."
                )
        super().__init__(*self.bijectors)
        pairs = zip(self.bijectors, self.sizes, strict=True)
        self._inverse_sizes = tuple(b.forward_event_shape((size,))[0] for b, size in pairs)

    @property
    def batch_shape(self) -> Shape:
        return broadcast_shapes(*(b.batch_shape_within(1) for b in self.bijectors))

    @property
    def is_affine(self) -> bool:
        """Whether all of the maps are affine."""
        return all(bijector.is_affine for bijector in self.bijectors)

    @property
    def domain(self) -> Constraint:
        """Each part is in the domain of its map."""
        return in_each([b.domain for b in self.bijectors], 1, lambda x: _parts(x, self.sizes))

    @property
    def codomain(self) -> Constraint:
        """Each part is in the codomain of its map."""
        sets = [b.codomain for b in self.bijectors]
        return in_each(sets, 1, lambda y: _parts(y, self._inverse_sizes))

    def _forward_and_log_det(self, x):
        pairs = zip(self.bijectors, _parts(x, self.sizes), strict=True)
        return self._joined([b._forward_and_log_det(part) for b, part in pairs])

    def _inverse_and_log_det(self, y):
        pairs = zip(self.bijectors, _parts(y, self._inverse_sizes), strict=True)
        return self._joined([b._inverse_and_log_det(part) for b, part in pairs])

    def _joined(self, results):
        parts = [part for part, _ in results]
        pairs = zip(self.bijectors, results, strict=True)
        log_dets = [sum_over_event(log_det, 1 - b.event_rank) for b, (_, log_det) in pairs]
        return ops.concatenate(broadcast_parts(parts, log_dets, 1), axis=-1), sum(log_dets)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._exchanged(shape, self.sizes, self._inverse_sizes)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._exchanged(shape, self._inverse_sizes, self.sizes)

    def _exchanged(self, shape, old, new):
        shape = self._checked(shape, 1)
        if shape[-1] not in (None, sum(old)):
            raise ValueError(
                f"Split: the sizes {list(old)} add to {sum(old)} entries, which does not fit "
                f"values of shape {shape}."
            )
        return (*shape[:-1], sum(new))

    def _arguments(self, parameters):
        return {"bijectors": self.bijectors, "sizes": list(self.sizes)}


def _parts(x, sizes):
    ends = list(accumulate(sizes))
    return [x[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]
