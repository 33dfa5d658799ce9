"""Expanded: a distribution repeated over a larger batch."""

from collections.abc import Sequence
from typing import Any

from kelbo import ops
from kelbo.distributions.combinators.wrapper import Wrapper
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Shape, as_shape, broadcast_shapes
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Expanded(Wrapper):
    r"""A distribution in a larger batch: the same one, drawn from independently, many times.

    $$p(x_1, \dots, x_n) = \prod_i p(x_i)$$

    As PyTorch's and NumPyro's `expand` (TensorFlow Probability's BatchBroadcast). The parameters
    are not copied. Draws along the new axes are independent.

    Args:
        distribution: The distribution.
        batch_shape: The new batch shape. The old one must broadcast to it: new axes come in front,
            and axes of size 1 may become longer.

    Raises:
        ValueError: The distribution's batch shape does not broadcast to `batch_shape`.

    Example:
        >>> from kelbo.distributions import Expanded, Independent, Normal
        >>> Independent(Expanded(Normal(0.0, 1.0), (28, 28))).event_shape
        (28, 28)
    """

    def __init__(self, distribution: Distribution, batch_shape: int | Sequence[int]):
        super().__init__(distribution)
        # A size that is not known before the code runs is a tensor on TensorFlow.
        self._sizes = as_shape(batch_shape, "Expanded: batch_shape")
        self._batch_shape = tuple(n if isinstance(n, int) else None for n in self._sizes)
        try:
            reached = broadcast_shapes(distribution.batch_shape, self._batch_shape)
        except ValueError:
            reached = ()
        pairs = zip(reached, self._batch_shape, strict=False)
        if len(reached) != len(self._sizes) or any(new not in (None, n) for n, new in pairs):
            raise ValueError(
                f"Expanded: {distribution!r} has a batch shape that does not broadcast to "
                f"batch_shape={self._batch_shape}."
            )

    def _arguments(self, parameters):
        return {"distribution": self.distribution, "batch_shape": self._sizes}

    def _sliced(self, index):
        sizes = index.of_shape(self._sizes)
        return Expanded(self.distribution._sliced(index), sizes)

    def _state(self):
        # Sizes of axes that are those of the distribution inside follow it, and first ones are left
        # out: so it may gain an axis in front, or lose one.
        inner = self.distribution.batch_shape
        inner = (1,) * (len(self._sizes) - len(inner)) + inner
        sizes = [
            None if isinstance(new, int) and new == old else new
            for old, new in zip(inner, self._sizes, strict=True)
        ]
        while sizes and sizes[0] is None:
            del sizes[0]
        return {"distribution": self.distribution, "grown": tuple(sizes)}

    @classmethod
    def _from_state(cls, state: dict[str, Any], dtype: str) -> "Expanded":
        inner, grown = state["distribution"], state["grown"]
        kept = inner._shape_of_sample(())[: len(inner.batch_shape)]
        kept = (1,) * (len(grown) - len(kept)) + tuple(kept)
        first = len(kept) - len(grown)
        sizes = [old if new is None else new for old, new in zip(kept[first:], grown, strict=True)]
        return cls(inner, (*kept[:first], *sizes))

    def _shape_of_sample(self, sample_shape):
        inner = self.distribution._shape_of_sample(())
        return tuple(sample_shape) + self._sizes + inner[len(inner) - len(self.event_shape) :]

    def _grown_axes(self):
        """Of the old batch axes those that became longer, counted from the right."""
        inner = self.distribution.batch_shape
        pairs = zip(reversed(inner), reversed(self._batch_shape), strict=False)
        return [-1 - i for i, (old, new) in enumerate(pairs) if old == 1 and new != 1]

    def _inner_shape(self, shape):
        """The shape to draw in: the sizes of axes that grew stand before the old batch."""
        inner = self.distribution._shape_of_sample(())
        new = len(shape) - len(inner)
        batch = shape[: len(shape) - len(self.event_shape)]
        return tuple(shape[:new]) + tuple(batch[axis] for axis in self._grown_axes()) + inner

    def _in_place(self, drawn, event_rank):
        """What was drawn in that shape, with the axes where they belong."""
        grown = self._grown_axes()
        first = len(drawn.shape) - event_rank - len(self.distribution.batch_shape) - len(grown)
        batch_end = len(drawn.shape) - event_rank
        for i, axis in enumerate(grown):
            drawn = ops.swapaxes(drawn, first + i, batch_end + axis)
        return ops.squeeze(drawn, tuple(range(first, first + len(grown)))) if grown else drawn

    def _sample(self, shape, seed):
        drawn = self.distribution._sample(self._inner_shape(shape), seed)
        return self._in_place(drawn, len(self.event_shape))

    def _sample_and_log_prob(self, shape, seed):
        drawn, log_prob = self.distribution._sample_and_log_prob(self._inner_shape(shape), seed)
        return self._in_place(drawn, len(self.event_shape)), self._in_place(log_prob, 0)

    def of_batch(self, values: ArrayLike) -> Tensor:
        """Numbers of the old batch, broadcast to the new one."""
        return self._expand(values, ())

    def of_event(self, values: ArrayLike) -> Tensor:
        return self._expand(values, self.event_shape)

    def _expand(self, values: Tensor, event_shape: Shape) -> Tensor:
        shape = self._batch_shape + event_shape
        has_it = tuple(values.shape)[len(values.shape) - len(shape) :] == shape
        if has_it and None not in shape:
            return values
        return values + ops.zeros(self._sizes + event_shape, dtype=self.dtype)

    def cdf(self, value: ArrayLike) -> Tensor:
        return self.of_batch(self.distribution.cdf(value))

    def quantile(self, probability: ArrayLike) -> Tensor:
        return self.of_batch(self.distribution.quantile(probability))
