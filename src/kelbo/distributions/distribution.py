"""The base of all distributions: shapes, parameters, validation and saving."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras

from kelbo import ops
from kelbo.parameters import Constraint, Parametrized, Shape, as_shape, broadcast_shapes
from kelbo.parameters.slicing import BatchIndex
from kelbo.typing import ArrayLike, Tensor


class Distribution(Parametrized, abc.ABC):
    r"""A probability distribution: draws samples and scores values.

    Shapes follow TensorFlow Probability and PyTorch. A distribution holds a batch of
    `batch_shape` independent distributions, each over values of `event_shape`. `sample(s)` has
    the shape `s + batch_shape + event_shape`; `log_prob(x)` takes an `x` that ends in
    `event_shape`, broadcasts what is before it against `batch_shape` and sums over the event.

    A subclass declares `parameters` (name of the argument -> `Constraint`) and `support`, calls
    `super().__init__` with the arguments that were given, and writes `_sample` and `_log_prob`,
    with `mean`, `variance`, `mode`, `entropy`, `cdf` and `quantile` where they have a closed
    form. The declaration drives conversion, validation, saving and the generic tests.

    A distribution is a plain Python object: make it inside `call`, or outside of a model. It is
    never the output of a functional Keras graph. Variables that it is given are read once, in the
    constructor.

    Args:
        dtype: Floating dtype of the parameters. None takes the parameters' own, and Keras'
            default for Python numbers.
        validate: Whether values of the parameters are checked. Under `jit` only shapes can be.
        **parameters: The parameters that were given, by name; leave out one that was not.
    """

    support: Constraint
    reparameterized: bool = False

    @property
    def regular_support(self) -> Constraint:
        """The values where the density is finite and greater than 0 whatever the parameters are.

        The support without its ends, where at one of them the density is 0 or infinite for almost
        all parameters: no likelihood can be fitted to such values.
        """
        return self.support

    @property
    def event_shape(self) -> Shape:
        """Shape of one value: () for a number."""
        return ()

    def _reference(self) -> Tensor:
        """A tensor of shape batch_shape + event_shape, of which only the shape is used."""
        return sum(self._given.values())

    def _shape_of_sample(self, sample_shape: Sequence[int]) -> tuple:
        static = self.batch_shape + self.event_shape
        known = static if None not in static else tuple(ops.shape(self._reference()))
        return tuple(sample_shape) + known

    def __getitem__(self, index: Any) -> Self:
        """The same distribution of a part of the batch: indexed as an array of `batch_shape` is.

        Args:
            index: Whole numbers, slices with positive steps, None for a new axis, and an Ellipsis.

        Returns:
            A distribution whose parameters are slices of this one's.

        Raises:
            IndexError: There are more items than batch axes, or a number is out of range.
            TypeError: An item is something else.
            NotImplementedError: The batch comes from a context that a bijector's function holds.

        Example:
            >>> from kelbo.distributions import Normal
            >>> Normal([0.0, 5.0, 9.0], 1.0)[1:].mean()
            [5., 9.]
        """
        return self._sliced(BatchIndex.of(type(self).__name__, index, self.batch_shape))

    def __iter__(self) -> Iterator[Self]:
        """The distributions along the first axis of the batch."""
        if not self.batch_shape or self.batch_shape[0] is None:
            raise TypeError(
                f"{type(self).__name__}: the batch shape {self.batch_shape} has no first axis of a "
                "known size to go along."
            )
        return (self[i] for i in range(self.batch_shape[0]))

    def _full_shape(self, sample_shape):
        return self._shape_of_sample(as_shape(sample_shape, f"{type(self).__name__}: sample_shape"))

    def sample(self, sample_shape: int | Sequence[int] = (), seed: Any = None) -> Tensor:
        """Draws of shape `sample_shape + batch_shape + event_shape`.

        Args:
            sample_shape: Shape of the set of independent draws, or their number.
            seed: An integer, a `keras.random.SeedGenerator`, or None for Keras' global one
                (which cannot be used under `jit`).

        Returns:
            A tensor of the distribution's dtype. Gradients flow through it to the parameters if
            `reparameterized` is true.
        """
        return self._sample(self._full_shape(sample_shape), _as_seed(seed))

    def log_prob(self, value: ArrayLike) -> Tensor:
        """Log density, or log mass, of `value` in nats, summed over the event.

        Args:
            value: Its last axes are `event_shape`; those before broadcast against `batch_shape`.

        Returns:
            A tensor of the broadcast shape without the event's axes.

        Raises:
            ValueError: The value has another shape.
        """
        value = self._as_value(value)
        self._require_shape_of(value)
        return self._log_prob(value)

    def _require_shape_of(self, value: Tensor) -> None:
        if getattr(value.shape, "rank", 0) is None:  # TensorFlow may not know it
            return
        # A size that is known only when the code runs may be an expression.
        given = tuple(size if isinstance(size, int) else None for size in value.shape)
        name, event, batch = type(self).__name__, self.event_shape, self.batch_shape
        leading, trailing = given[: len(given) - len(event)], given[len(given) - len(event) :]
        pairs = list(zip(trailing, event, strict=False))
        if len(pairs) < len(event) or any(None not in pair and len({*pair}) > 1 for pair in pairs):
            raise ValueError(
                f"{name}: log_prob was given a value of the shape {given}, but the last axes of a "
                f"value must be the event shape {event}: reshape or broadcast it."
            )
        try:
            broadcast_shapes(leading, batch)
        except ValueError:
            before = f", without the event shape {event}," if event else ""
            raise ValueError(
                f"{name}: log_prob was given a value of the shape {given}, which{before} does not "
                f"broadcast against the batch shape {batch}."
            ) from None

    def sample_and_log_prob(
        self, sample_shape: int | Sequence[int] = (), seed: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Draws with their log densities, without inverting what made them.

        Args:
            sample_shape: Shape of the set of independent draws, or their number.
            seed: As in `sample`.

        Returns:
            What `sample` returns for that seed, and `log_prob` of it.
        """
        return self._sample_and_log_prob(self._full_shape(sample_shape), _as_seed(seed))

    def _sample_and_log_prob(self, shape: tuple, seed: Any) -> tuple[Tensor, Tensor]:
        value = self._sample(shape, seed)
        return value, self._log_prob(value)

    @abc.abstractmethod
    def _sample(self, shape: tuple, seed: Any) -> Tensor:
        """Draws of exactly `shape`, which ends in batch_shape + event_shape."""

    @abc.abstractmethod
    def _log_prob(self, value: Tensor) -> Tensor:
        """`log_prob` of a tensor that has the distribution's dtype."""

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form for its {what}; estimate it from samples: "
            "sample((1000,), seed=...)."
        )

    def mean(self) -> Tensor:
        """Expected value, of shape `batch_shape + event_shape`."""
        return self._missing("mean")

    def variance(self) -> Tensor:
        """Variance of each entry, of shape `batch_shape + event_shape`."""
        return self._missing("variance")

    def stddev(self) -> Tensor:
        """Standard deviation of each entry, of shape `batch_shape + event_shape`."""
        return ops.sqrt(self.variance())

    def mode(self) -> Tensor:
        """Most probable value, of shape `batch_shape + event_shape`."""
        return self._missing("mode")

    def entropy(self) -> Tensor:
        """Entropy in nats, of shape `batch_shape`."""
        return self._missing("entropy")

    def cdf(self, value: ArrayLike) -> Tensor:
        """Probability of a value at or below `value`."""
        return self._missing("cumulative distribution function")

    def quantile(self, probability: ArrayLike) -> Tensor:
        """The value below which a share `probability` of the mass lies: the inverse of `cdf`."""
        return self._missing("quantile function")

    def _as_value(self, value: Tensor) -> Tensor:
        # In one step: a Python number would be rounded to float32 on its way to float64.
        return ops.convert_to_tensor(value, dtype=self.dtype)

    def _broadcast(self, tensor: Tensor) -> Tensor:
        return ops.broadcast_to(tensor, self._shape_of_sample(()))

    def _description(self) -> str:
        return (
            f"{type(self).__name__}(batch_shape={self.batch_shape}, "
            f"event_shape={self.event_shape}, dtype={self.dtype})"
        )


def _as_seed(seed):
    if seed is None or isinstance(seed, keras.random.SeedGenerator):
        return seed
    return ops.whole_seed(seed)
