"""Coupling: some entries pass unchanged and say how the others are mapped."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector, sum_over_event
from kelbo.bijectors.conditioned import Conditioned
from kelbo.parameters import Shape
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Coupling(Conditioned):
    r"""A map of vectors that leaves the part $x_a$ as it is, and maps the part $x_b$ as $x_a$ says.

    $$y_a = x_a, \qquad y_b = f_{c(x_a)}(x_b), \qquad
      \log\lvert\det\rvert = \sum_i \log \lvert f_{c(x_a)}'(x_{b,i}) \rvert$$

    Both directions take one call of the conditioner $c$ (Dinh, Krueger and Bengio, 2015; Dinh,
    Sohl-Dickstein and Bengio, 2017).

    Args:
        conditioner: From $x_a$, of shape (..., number of entries that pass), to a bijector of
            numbers whose parameters broadcast with $x_b$.
        mask: For each place along the last axis, whether the entry passes unchanged.
        event_rank: How many trailing axes make up one value: 1 for vectors; 3 for images, which
            are split along their channels, and where the conditioner sees the whole image.
        batch_shape: The batch of the map where the conditioner brings one along by itself: such a
            map cannot be indexed.
        context: What the conditioner is given beside $x_a$: a tensor whose leading axes are the
            batch of the map, or None.
        context_rank: How many trailing axes make up one context.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked but the mask; taken for the sake of one signature.

    Raises:
        ValueError: The mask does not both pass and move an entry.

    Example:
        >>> from kelbo.bijectors import Coupling, Shift
        >>> twice = Coupling(lambda x: Shift(2.0 * x), mask=[True, False])
        >>> twice.forward([3.0, 1.0])
        [3., 7.]
    """

    def __init__(
        self,
        conditioner: Callable[..., Bijector],
        mask: Sequence[bool],
        event_rank: int = 1,
        batch_shape: Sequence[int | None] = (),
        context: ArrayLike | None = None,
        context_rank: int = 1,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(conditioner, event_rank, batch_shape, context, context_rank, dtype=dtype)
        self.mask = tuple(bool(passes) for passes in mask)
        if all(self.mask) or not any(self.mask):
            raise ValueError(
                f"Coupling: the mask {self.mask} must have at least one True, an entry that passes "
                "unchanged, and one False, an entry that is mapped."
            )
        self._parts = _Parts(self.mask)

    def _arguments(self, parameters):
        return {**super()._arguments(parameters), "mask": self.mask}

    def _forward_and_log_det(self, x):
        return self._map(x, lambda bijector: bijector._forward_and_log_det)

    def _inverse_and_log_det(self, y):
        return self._map(y, lambda bijector: bijector._inverse_and_log_det)

    def _map(self, value, direction):
        passed, moved = self._parts.split(value)
        moved, log_det = direction(self._bijector_at(passed))(moved)
        if tuple(moved.shape[:-1]) != tuple(passed.shape[:-1]):
            passed = ops.broadcast_to(passed, (*ops.shape(moved)[:-1], passed.shape[-1]))
        return self._parts.join(passed, moved), sum_over_event(log_det, self.event_rank)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._of_size(super().forward_event_shape(shape), len(self.mask))

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)


class _Parts:
    """Takes the last axis apart and puts it together; by slices where a part is in one piece."""

    def __init__(self, mask):
        self._passed = np.flatnonzero(mask)
        self._moved = np.flatnonzero(np.logical_not(mask))
        changes = sum(a != b for a, b in itertools.pairwise(mask))
        self._in_two_pieces = changes == 1
        self._passed_first = mask[0]
        self._back = np.argsort(np.concatenate([self._passed, self._moved]))

    def split(self, value):
        if not self._in_two_pieces:
            return ops.take(value, self._passed, axis=-1), ops.take(value, self._moved, axis=-1)
        border = len(self._passed) if self._passed_first else len(self._moved)
        first, last = value[..., :border], value[..., border:]
        return (first, last) if self._passed_first else (last, first)

    def join(self, passed, moved):
        if not self._in_two_pieces:
            return ops.take(ops.concatenate([passed, moved], axis=-1), self._back, axis=-1)
        parts = [passed, moved] if self._passed_first else [moved, passed]
        return ops.concatenate(parts, axis=-1)
