"""Chain: one bijector after another."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors.bijector import Bijector, sum_over_event
from kelbo.parameters import PACKAGE, Constraint, Shape, broadcast_shapes


@keras.saving.register_keras_serializable(package=PACKAGE)
class Chain(Bijector):
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
        super().__init__(dtype=max(b.dtype for b in self.bijectors), validate=False)
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
        shapes, rank = [], self.event_rank
        for bijector in self.bijectors:
            own = bijector.batch_shape
            shapes.append(own[: max(len(own) - (rank - bijector.event_rank), 0)])
            rank += bijector.inverse_event_rank - bijector.event_rank
        return broadcast_shapes(*shapes)

    @property
    def domain(self) -> Constraint:
        """The values of x that the first takes."""
        return self.bijectors[0].domain

    @property
    def codomain(self) -> Constraint:
        """The values of y that the last reaches."""
        return self.bijectors[-1].codomain

    @property
    def is_increasing(self) -> Any:
        increasing = True
        for bijector in self.bijectors:
            if bijector.is_increasing is None:
                return None
            increasing = ops.equal(increasing, bijector.is_increasing)
        return increasing

    @property
    def _parameter_dtype(self):
        dtypes = [b._parameter_dtype for b in self.bijectors]
        return max((dtype for dtype in dtypes if dtype), default=None)

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

    def astype(self, dtype: str) -> "Chain":
        if all(bijector.dtype == dtype for bijector in self.bijectors):
            return self
        return Chain([bijector.astype(dtype) for bijector in self.bijectors])

    def get_config(self) -> dict[str, Any]:
        return {"bijectors": [keras.saving.serialize_keras_object(b) for b in self.bijectors]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Chain":
        return cls([keras.saving.deserialize_keras_object(b) for b in config["bijectors"]])

    def __repr__(self) -> str:
        return f"Chain({list(self.bijectors)!r})"
