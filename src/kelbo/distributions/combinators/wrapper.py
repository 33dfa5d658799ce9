"""Wrapper: what distributions that change one other distribution have in common."""

from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Composite, Constraint, Shape
from kelbo.typing import ArrayLike, Tensor


class Wrapper(Composite, Distribution):
    """A distribution over the values of another one, its shapes or its density changed.

    A subclass overrides `of_event` and `of_batch`, which turn what the distribution inside says
    of each entry of an event, or of each distribution of its batch, into what this one says.

    Args:
        distribution: The distribution inside.
    """

    def __init__(self, distribution: Distribution):
        self.distribution, self.dtype = distribution, distribution.dtype

    @property
    def event_shape(self) -> Shape:
        return self.distribution.event_shape

    @property
    def reparameterized(self) -> bool:
        """Whether gradients flow through `sample`, as in the distribution inside."""
        return self.distribution.reparameterized

    @property
    def support(self) -> Constraint:
        """The support of the distribution inside."""
        return self.distribution.support

    @property
    def regular_support(self) -> Constraint:
        return self.distribution.regular_support

    def of_event(self, values: ArrayLike) -> Tensor:
        """Numbers of shape batch_shape + event_shape of the distribution inside, for this one."""
        return values

    def of_batch(self, values: ArrayLike) -> Tensor:
        """One number per distribution inside, for this one's batch."""
        return values

    def _log_prob(self, value):
        return self.of_batch(self.distribution._log_prob(value))

    def mean(self) -> Tensor:
        return self.of_event(self.distribution.mean())

    def variance(self) -> Tensor:
        return self.of_event(self.distribution.variance())

    def stddev(self) -> Tensor:
        return self.of_event(self.distribution.stddev())

    def mode(self) -> Tensor:
        return self.of_event(self.distribution.mode())

    def entropy(self) -> Tensor:
        return self.of_batch(self.distribution.entropy())
