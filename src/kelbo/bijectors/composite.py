"""CompositeBijector: what bijectors that are made of others have in common."""

from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Composite


class CompositeBijector(Composite, Bijector):
    """A bijector that is made of others.

    A subclass overrides `_arguments`, which returns its constructor's arguments; bijectors, and
    lists of them, may be among them.

    Args:
        *children: The bijectors inside.
    """

    def __init__(self, *children: Bijector):
        self._children = children
        super().__init__(dtype=max(child.dtype for child in children), validate=False)

    def _ranks_within(self, rank: int) -> list[int]:
        """How many axes make up one value of each bijector inside, where `rank` do of this one."""
        return [rank] * len(self._children)

    def _sliced_within(self, index, rank):
        if not index.concerns(self.batch_shape_within(rank)):
            return self
        ranks = iter(self._ranks_within(rank))
        return self._with_each(lambda child: child._sliced_within(index, next(ranks)))

    def _lacks_axes_within(self, index, rank):
        pairs = zip(self._children, self._ranks_within(rank), strict=True)
        return any(child._lacks_axes_within(index, inner) for child, inner in pairs)

    @property
    def _parameter_dtype(self):
        dtypes = [child._parameter_dtype for child in self._children]
        return max((dtype for dtype in dtypes if dtype), default=None)
