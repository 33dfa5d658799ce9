"""Independent: a batch of distributions seen as one."""

from typing import Any

from kelbo import ops
from kelbo.distributions.combinators.wrapper import Wrapper
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Shape
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Independent(Wrapper):
    r"""The last axes of a batch of independent distributions, seen as one event.

    $$\log p(x) = \sum_i \log p_i(x_i)$$

    (The name and the meaning are those of Dillon et al., 2017, "TensorFlow Distributions".)

    Args:
        distribution: The batch of distributions.
        reinterpreted_batch_rank: How many of its batch axes, from the right, join the event; None
            for all of them.

    Raises:
        ValueError: The distribution has fewer batch axes than that.

    Example:
        >>> from kelbo.distributions import Independent, Normal
        >>> import numpy as np
        >>> pixels = Independent(Normal(np.zeros((28, 28), "float32"), 1.0), 2)
        >>> pixels.event_shape
        (28, 28)
    """

    def __init__(self, distribution: Distribution, reinterpreted_batch_rank: int | None = None):
        rank = len(distribution.batch_shape)
        if reinterpreted_batch_rank is None:
            reinterpreted_batch_rank = rank
        if not 0 <= reinterpreted_batch_rank <= rank:
            raise ValueError(
                f"Independent: reinterpreted_batch_rank={reinterpreted_batch_rank}, but the "
                f"batch shape {distribution.batch_shape} has {rank} axes."
            )
        super().__init__(distribution)
        self.reinterpreted_batch_rank = reinterpreted_batch_rank

    def _arguments(self, parameters):
        return {
            "distribution": self.distribution,
            "reinterpreted_batch_rank": self.reinterpreted_batch_rank,
        }

    @property
    def batch_shape(self) -> Shape:
        shape = self.distribution.batch_shape
        return shape[: len(shape) - self.reinterpreted_batch_rank]

    @property
    def event_shape(self) -> Shape:
        shape = self.distribution.batch_shape
        return shape[len(shape) - self.reinterpreted_batch_rank :] + self.distribution.event_shape

    def _sliced(self, index):
        return super()._sliced(index.with_axes_behind(self.reinterpreted_batch_rank))

    def _lacks_axes(self, index):
        return super()._lacks_axes(index.with_axes_behind(self.reinterpreted_batch_rank))

    def _shape_of_sample(self, sample_shape):
        return self.distribution._shape_of_sample(sample_shape)

    def of_batch(self, values: ArrayLike) -> Tensor:
        """Sums one number per distribution inside over the axes that joined the event."""
        axes = tuple(range(-self.reinterpreted_batch_rank, 0))
        return ops.sum(values, axis=axes) if axes else values

    def _sample(self, shape, seed):
        return self.distribution._sample(shape, seed)

    def _sample_and_log_prob(self, shape, seed):
        value, log_prob = self.distribution._sample_and_log_prob(shape, seed)
        return value, self.of_batch(log_prob)

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"Independent has no {what} of a whole event; that of each entry by itself is a method "
            "of its attribute `distribution`."
        )
