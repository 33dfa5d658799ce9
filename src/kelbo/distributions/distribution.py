"""The base of all distributions: shapes, parameters, validation and saving."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from kelbo import ops
from kelbo.distributions.constraints import Constraint
from kelbo.distributions.shapes import Shape, as_shape, broadcast_shapes

PACKAGE = "kelbo"


class Distribution(abc.ABC):
    r"""A probability distribution: draws samples and scores values.

    Shapes follow TensorFlow Probability and PyTorch. A distribution holds a batch of
    `batch_shape` independent distributions, each over values of `event_shape`. `sample(s)` has
    the shape `s + batch_shape + event_shape`; `log_prob(x)` broadcasts `x` against
    `batch_shape + event_shape` and sums over the event.

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
        **parameters: The parameters that were given, by name; None for one that was not.
    """

    parameters: ClassVar[dict[str, Constraint]] = {}
    support: Constraint
    reparameterized: bool = False

    def __init__(self, *, dtype: str | None = None, validate: bool = True, **parameters: Any):
        given = {name: value for name, value in parameters.items() if value is not None}
        self.dtype = dtype or _common_dtype(type(self).__name__, given)
        self._given = {}
        for name, value in given.items():
            tensor = ops.convert_to_tensor(value, dtype=self.dtype)
            self._given[name] = tensor
            setattr(self, name, tensor)
        batch_shapes = {n: self._parameter_batch_shape(n) for n in self._given}
        try:
            self._batch_shape = broadcast_shapes(*batch_shapes.values())
        except ValueError:
            shapes = ", ".join(f"{n} {tuple(t.shape)}" for n, t in self._given.items())
            raise ValueError(
                f"{type(self).__name__}: the shapes of the parameters do not broadcast: {shapes}."
            ) from None
        if validate:
            self._validate_values()

    def _parameter_batch_shape(self, name: str) -> Shape:
        shape, rank = tuple(self._given[name].shape), self.parameters[name].event_rank
        if len(shape) < rank or (rank == 2 and shape[-1] != shape[-2]):
            kind = {1: "a vector (..., d)", 2: "a square matrix (..., d, d)"}[rank]
            raise ValueError(
                f"{type(self).__name__}: {name} has the shape {shape}; it must be {kind}."
            )
        return shape[: len(shape) - rank]

    def _validate_values(self) -> None:
        for name, tensor in self._given.items():
            constraint = self.parameters[name]
            if ops.is_concrete(tensor) and not bool(ops.all(constraint.contains(tensor))):
                values = ops.convert_to_numpy(tensor)
                raise ValueError(
                    f"{type(self).__name__}: {name} must be {constraint.rule}, but its values of "
                    f"shape {values.shape} range from {values.min():.6g} to {values.max():.6g}. "
                    "Pass validate=False to skip this check."
                )

    @property
    def batch_shape(self) -> Shape:
        """Shape of the batch of distributions; None where a dimension is not known yet."""
        return self._batch_shape

    @property
    def event_shape(self) -> Shape:
        """Shape of one value: () for a number."""
        return ()

    def _reference(self) -> Any:
        """A tensor of shape batch_shape + event_shape, of which only the shape is used."""
        return sum(self._given.values())

    def _shape_of_sample(self, sample_shape: Sequence[int]) -> tuple:
        static = self.batch_shape + self.event_shape
        known = static if None not in static else tuple(ops.shape(self._reference()))
        return tuple(sample_shape) + known

    def sample(self, sample_shape: int | Sequence[int] = (), seed: Any = None) -> Any:
        """Draws of shape `sample_shape + batch_shape + event_shape`.

        Args:
            sample_shape: Shape of the set of independent draws, or their number.
            seed: An integer, a `keras.random.SeedGenerator`, or None for Keras' global one
                (which cannot be used under `jit`).

        Returns:
            A tensor of the distribution's dtype. Gradients flow through it to the parameters if
            `reparameterized` is true.
        """
        return self._sample(self._shape_of_sample(as_shape(sample_shape)), seed)

    def log_prob(self, value: Any) -> Any:
        """Log density, or log mass, of `value` in nats, summed over the event.

        Args:
            value: Broadcasts against `batch_shape + event_shape`.

        Returns:
            A tensor of the broadcast shape without the event's axes.
        """
        return self._log_prob(ops.cast(ops.convert_to_tensor(value), self.dtype))

    @abc.abstractmethod
    def _sample(self, shape: tuple, seed: Any) -> Any:
        """Draws of exactly `shape`, which ends in batch_shape + event_shape."""

    @abc.abstractmethod
    def _log_prob(self, value: Any) -> Any:
        """`log_prob` of a tensor that has the distribution's dtype."""

    def _missing(self, what: str) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no closed form for its {what}; estimate it from samples: "
            "sample((1000,), seed=...)."
        )

    def mean(self) -> Any:
        """Expected value, of shape `batch_shape + event_shape`."""
        return self._missing("mean")

    def variance(self) -> Any:
        """Variance of each entry, of shape `batch_shape + event_shape`."""
        return self._missing("variance")

    def stddev(self) -> Any:
        """Standard deviation of each entry, of shape `batch_shape + event_shape`."""
        return ops.sqrt(self.variance())

    def mode(self) -> Any:
        """Most probable value, of shape `batch_shape + event_shape`."""
        return self._missing("mode")

    def entropy(self) -> Any:
        """Entropy in nats, of shape `batch_shape`."""
        return self._missing("entropy")

    def cdf(self, value: Any) -> Any:
        """Probability of a value at or below `value`."""
        return self._missing("cumulative distribution function")

    def quantile(self, probability: Any) -> Any:
        """The value below which a share `probability` of the mass lies: the inverse of `cdf`."""
        return self._missing("quantile function")

    def _as_value(self, value: Any) -> Any:
        return ops.cast(ops.convert_to_tensor(value), self.dtype)

    def _broadcast(self, tensor: Any) -> Any:
        return ops.broadcast_to(tensor, self._shape_of_sample(()))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain lists, for saving."""
        values = {name: ops.convert_to_numpy(t).tolist() for name, t in self._given.items()}
        return {**values, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Distribution":
        """The distribution that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(batch_shape={self.batch_shape}, "
            f"event_shape={self.event_shape}, dtype={self.dtype})"
        )


def _common_dtype(owner: str, given: dict[str, Any]) -> str:
    for name, value in given.items():
        if isinstance(value, keras.KerasTensor):
            raise ValueError(
                f"{owner}: {name} is a symbolic KerasTensor. A distribution is a plain Python "
                "object and cannot be a node of a functional model: make it inside the call() "
                "of a layer, or in a loss function."
            )
    dtypes = [
        keras.backend.standardize_dtype(v.dtype) for v in given.values() if hasattr(v, "dtype")
    ]
    floating = [dtype for dtype in dtypes if "float" in dtype]
    return keras.backend.result_type(*floating) if floating else keras.config.floatx()


def exactly_one(owner: str, **arguments: Any) -> None:
    """Raises a ValueError unless exactly one of the arguments was given."""
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            f"{owner}: give exactly one of {' and '.join(arguments)}; "
            f"got {' and '.join(given) or 'none of them'}."
        )
