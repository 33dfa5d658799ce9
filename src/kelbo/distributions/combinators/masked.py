"""Masked: a distribution that ignores missing values."""

from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.bijectors import onto
from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.combinators.wrapper import Wrapper
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import broadcast_shapes
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Masked(Wrapper):
    r"""A batch of distributions of which some count for nothing.

    $$\log p(x_i) = \begin{cases} \log p_i(x_i) & \text{where the mask is true} \\
                                  0 & \text{where it is false} \end{cases}$$

    For data with missing values: they may be NaN, and leave no trace in the density or in its
    gradients. Entropies and divergences of what is masked are 0 too. Draws and moments are those of
    the distribution inside, so that `sample` imputes.

    The mask is one truth per distribution of the batch. To mask entries of a vector, mask before
    they become one event: `Independent(Masked(Normal(loc, scale), mask), 1)`.

    Args:
        distribution: The batch of distributions.
        mask: True where a value is there, False where it is missing: booleans, or numbers 0 and 1,
            of a shape that broadcasts against the distribution's batch shape.

    Raises:
        ValueError: The mask is of other numbers, or its shape does not broadcast.

    Example:
        >>> from kelbo.distributions import Independent, Masked, Normal
        >>> there = Masked(Normal([1.0, 2.0], 1.0), [True, False])
        >>> float(Independent(there).log_prob([1.0, float("nan")]))
        -0.9189...
    """

    def __init__(self, distribution: Distribution, mask: ArrayLike):
        super().__init__(distribution)
        self.mask = _as_truth(mask)
        try:
            self._batch_shape = broadcast_shapes(distribution.batch_shape, self.mask.shape)
        except ValueError:
            raise ValueError(
                f"Masked: mask has the shape {tuple(self.mask.shape)}, which does not broadcast "
                f"against the batch shape of {distribution!r}. A mask of entries of the event "
                "belongs inside: Independent(Masked(...), rank)."
            ) from None

    def _arguments(self, parameters):
        return {"distribution": self.distribution, "mask": self.mask}

    def _sliced(self, index):
        return Masked(self.distribution._sliced(index), index.of_tensor(self.mask))

    def _lacks_axes(self, index):
        return super()._lacks_axes(index) or len(self.mask.shape) < index.rank

    def _reference(self):
        mask = ops.cast(self.mask, self.dtype)
        mask = ops.reshape(mask, (*ops.shape(mask), *[1] * len(self.event_shape)))
        return mask + ops.zeros(self.distribution._shape_of_sample(()), dtype=self.dtype)

    def _sample(self, shape, seed):
        return self._expanded()._sample(shape, seed)

    def _expanded(self):
        """The distribution inside, in a batch as large as this one's."""
        if self.batch_shape == self.distribution.batch_shape:
            return self.distribution
        shape = self._shape_of_sample(())
        return Expanded(self.distribution, shape[: len(shape) - len(self.event_shape)])

    def of_batch(self, values: ArrayLike) -> Tensor:
        """One number per distribution of the batch, and 0 where it is masked."""
        return ops.where(self.mask, values, ops.zeros_like(values))

    def of_event(self, values: ArrayLike) -> Tensor:
        return self._broadcast(values)

    def _log_prob(self, value):
        # What is missing may be NaN, of which no gradient may be taken.
        rank = len(self.event_shape)
        mask = ops.reshape(self.mask, (*ops.shape(self.mask), *[1] * rank))
        value = ops.where(mask, value, _value_in(self.distribution))
        return super()._log_prob(value)

    def cdf(self, value: ArrayLike) -> Tensor:
        """That of the distribution inside, masked or not."""
        return self._expanded().cdf(value)

    def quantile(self, probability: ArrayLike) -> Tensor:
        """That of the distribution inside, masked or not."""
        return self._expanded().quantile(probability)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask": ops.convert_to_numpy(self.mask).tolist()}

    def _description(self) -> str:
        return f"Masked({self.distribution!r}, mask of shape {tuple(self.mask.shape)})"


def _as_truth(mask):
    mask = ops.convert_to_tensor(mask)
    if keras.backend.standardize_dtype(mask.dtype) == "bool":
        return mask
    if ops.is_concrete(mask):
        numbers = ops.convert_to_numpy(mask)
        if not np.isin(numbers, (0, 1)).all():
            raise ValueError(
                "Masked: mask must be booleans, or the numbers 0 and 1, but what was given, of "
                f"shape {numbers.shape}, ranges from {numbers.min():.6g} to {numbers.max():.6g}."
            )
    return ops.not_equal(mask, 0)


def _value_in(distribution):
    """A value of the support, or 0 where none is known: densities have finite gradients there."""
    shape, dtype = distribution.event_shape, distribution.dtype
    try:
        bijector = onto(distribution.support)
    except ValueError:  # discrete, or made of pieces
        return ops.zeros((), dtype=dtype)
    return bijector.astype(dtype).forward(ops.zeros(bijector.inverse_event_shape(shape), dtype))
