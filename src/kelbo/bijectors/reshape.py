"""Reshape: gives values another shape."""

import math
from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, Shape, constraints, whole_sizes
from kelbo.registration import registered


@registered
class Reshape(Bijector):
    r"""Values of one shape, laid out in another one; the log-determinant is 0.

    Args:
        event_shape_out: Shape of one value of $y$.
        event_shape_in: Shape of one value of $x$, of as many entries.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing more is checked; taken for the sake of one signature.

    Raises:
        ValueError: A size is not a whole number of at least 1, or the numbers of entries differ.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors import Reshape
        >>> Reshape((2, 3), (6,)).forward(ops.zeros((5, 6))).shape
        (5, 2, 3)
    """

    is_affine = True

    def __init__(
        self,
        event_shape_out: int | Sequence[int],
        event_shape_in: int | Sequence[int],
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self.event_shape_out = whole_sizes("Reshape", "event_shape_out", event_shape_out)
        self.event_shape_in = whole_sizes("Reshape", "event_shape_in", event_shape_in)
        counts = math.prod(self.event_shape_out), math.prod(self.event_shape_in)
        if counts[0] != counts[1]:
            raise ValueError(
                f"Reshape: event_shape_out {self.event_shape_out} has {counts[0]} entries, but "
                f"event_shape_in {self.event_shape_in} has {counts[1]}."
            )
        super().__init__(dtype=dtype, validate=validate)

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return len(self.event_shape_in)

    @property
    def inverse_event_rank(self) -> int:
        return len(self.event_shape_out)

    @property
    def domain(self) -> Constraint:
        """All values of the shape."""
        return _real(self.event_rank)

    @property
    def codomain(self) -> Constraint:
        """All values of the shape."""
        return _real(self.inverse_event_rank)

    def _forward_and_log_det(self, x):
        return _reshaped(x, self.event_rank, self.event_shape_out)

    def _inverse_and_log_det(self, y):
        return _reshaped(y, self.inverse_event_rank, self.event_shape_in)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._exchanged(shape, self.event_shape_in, self.event_shape_out)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._exchanged(shape, self.event_shape_out, self.event_shape_in)

    def _exchanged(self, shape, old, new):
        shape = self._checked(shape, len(old))
        outer = len(shape) - len(old)
        pairs = zip(shape[outer:], old, strict=True)
        if any(size is not None and size != expected for size, expected in pairs):
            raise ValueError(f"Reshape: values of shape {old} are reshaped, not of shape {shape}.")
        return (*shape[:outer], *new)

    def _arguments(self, parameters):
        return {"event_shape_out": self.event_shape_out, "event_shape_in": self.event_shape_in}


def _real(rank):
    named = (constraints.real, constraints.real_vector, constraints.real_matrix)
    # Of more axes than two: a value is in the set if each of its matrices is.
    return named[min(rank, 2)]


def _reshaped(x, rank, shape):
    batch = ops.shape(x)[: len(x.shape) - rank]
    return ops.reshape(x, (*batch, *shape)), ops.zeros(batch, dtype=x.dtype)
