"""The base of all distributions: shapes, parameters, validation and saving."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions.constraints import Constraint
from kelbo.distributions.shapes import Shape, as_shape, broadcast_shapes
from kelbo.ops.floats import as_floats

PACKAGE = "kelbo"
_DTYPES = ("float32", "float64")


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
        owner = type(self).__name__
        _refuse_what_is_no_value(owner, parameters)
        self._given = _as_tensors(owner, parameters, dtype)
        self.dtype = keras.backend.standardize_dtype(next(iter(self._given.values())).dtype)
        for name, tensor in self._given.items():
            setattr(self, name, tensor)
        batch_shapes = {n: self._parameter_batch_shape(n) for n in self._given}
        try:
            self._batch_shape = broadcast_shapes(*batch_shapes.values())
        except ValueError:
            shapes = ", ".join(f"{n} {tuple(t.shape)}" for n, t in self._given.items())
            raise ValueError(
                f"{owner}: the shapes of the parameters do not broadcast: {shapes}."
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
            if not ops.is_concrete(tensor):
                continue
            is_valid = ops.all(constraint.contains(tensor))
            # A concrete tensor meets traced ones inside compiled code: then so is the answer.
            if ops.is_concrete(is_valid) and not bool(is_valid):
                raise ValueError(
                    f"{type(self).__name__}: {name} must be {constraint.rule}, but "
                    f"{_describe_values(ops.convert_to_numpy(tensor), constraint.event_rank)}. "
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
        return self._log_prob(self._as_value(value))

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
        # In one step: a Python number would be rounded to float32 on its way to float64.
        return ops.convert_to_tensor(value, dtype=self.dtype)

    def _broadcast(self, tensor: Any) -> Any:
        return ops.broadcast_to(tensor, self._shape_of_sample(()))

    def astype(self, dtype: str) -> "Distribution":
        """The same distribution with its parameters in another dtype.

        Args:
            dtype: "float32" or "float64".

        Returns:
            The distribution itself where it has that dtype already.
        """
        if dtype == self.dtype:
            return self
        return type(self)(**self._given, dtype=dtype, validate=False)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain lists, for saving."""
        values = {name: ops.convert_to_numpy(t).tolist() for name, t in self._given.items()}
        return {**values, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Distribution":
        """The distribution that `get_config` described.

        One that was saved in float64 where the backend now makes none becomes float32.
        """
        if config["dtype"] not in _available_dtypes():
            config = {**config, "dtype": "float32"}
        return cls(**config)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(batch_shape={self.batch_shape}, "
            f"event_shape={self.event_shape}, dtype={self.dtype})"
        )


def _refuse_what_is_no_value(owner: str, parameters: dict[str, Any]) -> None:
    for name, value in parameters.items():
        if value is None:
            raise ValueError(f"{owner}: {name} is None; give a number or a tensor.")
        if isinstance(value, keras.KerasTensor):
            raise ValueError(
                f"{owner}: {name} is a symbolic KerasTensor. A distribution is a plain Python "
                "object and cannot be a node of a functional model: make it inside the call() "
                "of a layer, or in a loss function."
            )


def _as_tensors(owner: str, parameters: dict[str, Any], dtype: str | None) -> dict[str, Any]:
    """The parameters as tensors of one dtype, float32 or float64."""
    # A variable changes in place on TensorFlow and PyTorch: take its value now.
    parameters = {
        name: ops.copy(value) if isinstance(value, keras.Variable) else value
        for name, value in parameters.items()
    }
    if dtype is None:
        tensors = as_floats(*parameters.values())
        if keras.backend.standardize_dtype(tensors[0].dtype) in _DTYPES:
            return dict(zip(parameters, tensors, strict=True))
        # A log density is a sum of many terms: half precision is for networks only.
        dtype = "float32"
    elif dtype not in _DTYPES:
        raise ValueError(
            f'{owner}: dtype must be "float32" or "float64", got {dtype!r}. Parameters in half '
            "precision are computed with in float32."
        )
    elif dtype not in _available_dtypes():
        raise ValueError(
            f"{owner}: dtype is {dtype!r}, which JAX makes only when it is told to: call "
            'jax.config.update("jax_enable_x64", True) first, or set JAX_ENABLE_X64=1.'
        )
    return {n: ops.convert_to_tensor(v, dtype=dtype) for n, v in parameters.items()}


def _available_dtypes() -> tuple[str, ...]:
    """The dtypes that the backend makes now: JAX turns float64 into float32 unless it is told."""
    widest = ops.convert_to_tensor(np.zeros((), "float64")).dtype
    return _DTYPES if keras.backend.standardize_dtype(widest) == "float64" else _DTYPES[:1]


def _describe_values(values: np.ndarray, event_rank: int) -> str:
    if event_rank < 2:
        return f"what was given, of shape {values.shape}, {_range(values)}"
    diagonal = np.diagonal(values, axis1=-2, axis2=-1)
    upper = values[(..., *np.triu_indices(values.shape[-1], 1))]
    lower = values[(..., *np.tril_indices(values.shape[-1], -1))]
    return (
        f"its diagonal, of shape {diagonal.shape}, {_range(diagonal)}, what is above it "
        f"{_range(upper)}, and what is below it {_range(lower)}"
    )


def _range(values: np.ndarray) -> str:
    if not values.size:
        return "is empty"
    missing = int(np.isnan(values).sum())
    if missing == values.size:
        return "is NaN"
    if values.size == 1:
        return f"is {values.item():.6g}"
    ranges = f"ranges from {np.nanmin(values):.6g} to {np.nanmax(values):.6g}"
    return f"{ranges} with {missing} NaN of {values.size} numbers" if missing else ranges
