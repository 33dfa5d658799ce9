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

    @property
    def _parameter_dtype(self):
        dtypes = [child._parameter_dtype for child in self._children]
        return max((dtype for dtype in dtypes if dtype), default=None)
