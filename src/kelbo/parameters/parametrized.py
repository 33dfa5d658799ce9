"""An object with tensors for parameters: converted, checked and saved in one way."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import keras
import numpy as np

from kelbo import ops
from kelbo.ops.floats import as_floats
from kelbo.ops.pytrees import Pytree
from kelbo.parameters.constraints import Constraint
from kelbo.parameters.rules import broken_rule
from kelbo.parameters.shapes import Shape, broadcast_shapes
from kelbo.parameters.slicing import BatchIndex, EachRow, FullRank
from kelbo.parameters.structure import Made, enclosed, fits, places, put_together, take_apart

_DTYPES = ("float32", "float64")
# The attribute of an object that is made of something else than tensors.
_HOLLOW = "_hollow"


class Parametrized(Pytree):
    """A plain Python object that is made of tensors which obey rules.

    A subclass declares `parameters` (name of the argument -> `Constraint`) and calls
    `super().__init__` with the arguments that were given. Each becomes an attribute. The
    declaration drives conversion, validation, saving and the generic tests.

    It is never the output of a functional Keras graph: make it inside `call`, or outside of a
    model. Variables that it is given are read once, in the constructor.

    Args:
        dtype: Floating dtype of the parameters. None takes the parameters' own, and Keras'
            default for Python numbers.
        validate: Whether values of the parameters are checked. Under `jit` only shapes can be.
        **parameters: The parameters that were given, by name; leave out one that was not.

    Raises:
        ValueError: A parameter is None, symbolic or no number, breaks its rule, or the shapes do
            not broadcast.

    Example:
        >>> from kelbo.parameters import Parametrized, constraints
        >>> class Ball(Parametrized):
        ...     parameters = {"center": constraints.real_vector, "radius": constraints.positive}
        >>> Ball(center=[0.0, 1.0], radius=[1.0, 2.0, 3.0]).batch_shape
        (3,)
    """

    parameters: ClassVar[dict[str, Constraint]] = {}
    dtype: str

    def __init__(self, *, dtype: str | None = None, validate: bool = True, **parameters: Any):
        owner = type(self).__name__
        _refuse_what_is_no_value(owner, parameters)
        self._given = _as_tensors(owner, parameters, dtype)
        self.dtype = (
            keras.backend.standardize_dtype(next(iter(self._given.values())).dtype)
            if self._given
            else dtype or default_dtype()
        )
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
        constraint, shape = self.parameters[name], tuple(self._given[name].shape)
        rank = constraint.event_rank
        is_square = rank < 2 or not constraint.is_square or shape[-1:] == shape[-2:-1]
        if len(shape) < rank or not is_square:
            kind = {
                1: "a vector (..., d)",
                2: f"a {'square ' * constraint.is_square}matrix "
                f"(..., {'d, d' if constraint.is_square else 'd, k'})",
            }[rank]
            raise ValueError(
                f"{type(self).__name__}: {name} has the shape {shape}; it must be {kind}."
            )
        return shape[: len(shape) - rank]

    def _has_batch(self, name: str) -> bool:
        """Whether a parameter may have axes for a batch in front."""
        return True

    def _validate_values(self) -> None:
        for name, tensor in self._given.items():
            broken = broken_rule(name, tensor, self.parameters[name])
            if broken is not None:
                raise ValueError(
                    f"{type(self).__name__}: {broken}. Pass validate=False to skip this check."
                )

    @property
    def batch_shape(self) -> Shape:
        """Shape of the batch; None where a dimension is not known yet."""
        return self._batch_shape

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        # NumPy would wrap the object, and what takes arrays would fail far from here.
        raise TypeError(
            f"{type(self).__name__} is no array: take numbers of it, as by mean(), sample() or "
            "log_prob(). Out of a Lambda or a functional model hand tensors: call a conditional "
            "itself for its parameters, and make distribution(**parameters) of them outside."
        )

    def astype(self, dtype: str) -> Self:
        """The same object with its parameters in another dtype.

        Args:
            dtype: "float32" or "float64".

        Returns:
            The object itself where it has that dtype already.
        """
        if dtype == self.dtype:
            return self
        return type(self)(**self._arguments(self._given), dtype=dtype, validate=False)

    def _state(self) -> dict[str, Any]:
        """What the object is made of, by name: tensors, other objects, and settings."""
        return self._arguments(self._given)

    @classmethod
    def _from_state(cls, state: dict[str, Any], dtype: str) -> Self:
        """The object that `_state` described; values are not checked."""
        return cls(**state, dtype=dtype, validate=False)

    def _taken_apart(self) -> tuple[list[Any], Made]:
        if _HOLLOW in vars(self):
            structure, tensors, _ = vars(self)[_HOLLOW]
            return list(tensors), structure
        tensors = []
        return tensors, take_apart(self._with_all_axes(FullRank(len(self.batch_shape))), tensors)

    @classmethod
    def _put_together(cls, structure: Made, tensors: Iterable[Any]) -> Self:
        tensors, reason = tuple(tensors), "what stands in the place of its tensors are none"
        if fits(structure, tensors):
            try:
                return put_together(structure, iter(tensors))
            except (ValueError, TypeError) as error:  # tensors that were reshaped, say
                reason = str(error)
        hollow = object.__new__(cls)
        vars(hollow)[_HOLLOW] = structure, tensors, reason
        return hollow

    def _names_of(self, structure: Made) -> list[str]:
        return [name for name, _ in places(structure)]

    def enclosing(self) -> list[tuple[str, str]]:
        return list(enclosed(self._taken_apart()[1]))

    def spread(self) -> Self:
        return self._with_all_axes(FullRank(len(self.batch_shape), self._row_count()))

    def with_rows(self, change: Callable[[Any], Any], count: int) -> Self:
        """The same object in a batch of other rows: its tensors are changed, one after another.

        Args:
            change: From a tensor with the axes of the batch in front to one of `count` rows.
            count: The new size of the first axis of the batch.

        Returns:
            An object of this class.

        Raises:
            NotImplementedError: It holds a function of which it is not known where its batch is.

        Example:
            >>> from kelbo.distributions import Normal
            >>> Normal([0.0, 1.0, 2.0], 1.0).with_rows(lambda t: t[::2], 2).mean()
            [0., 2.]
        """
        index = EachRow(len(self.batch_shape), self._row_count(), change, count)
        return self._with_all_axes(index)

    def _row_count(self) -> Any:
        """The size of the first axis of the batch."""
        if not self.batch_shape:
            raise ValueError(
                f"{type(self).__name__}: the batch shape is (), so that there are no rows to go "
                "along."
            )
        if self.batch_shape[0] is not None:
            return self.batch_shape[0]
        tensors = self._taken_apart()[0]
        return functools.reduce(ops.maximum, [ops.shape(tensor)[0] for tensor in tensors])

    def _with_all_axes(self, index: FullRank) -> Self:
        """The same object, whose tensors have all axes of the batch."""
        return self._sliced(index) if index.rows is not None or self._lacks_axes(index) else self

    def _lacks_axes(self, index: FullRank) -> bool:
        return any(
            len(self._parameter_batch_shape(name)) < index.rank
            for name in self._given
            if self._has_batch(name)
        )

    if not TYPE_CHECKING:  # to which every attribute would be there

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there: of an object whose tensors are none, all is not."""
            if _HOLLOW in vars(self):
                raise AttributeError(
                    f"{type(self).__name__} was taken apart and put together by a function of "
                    f"trees, and has no {name}: {vars(self)[_HOLLOW][2]}. Its leaves are those of "
                    "tensors()."
                )
            return object.__getattribute__(self, name)  # raises what it raised before

    def _sliced(self, index: BatchIndex) -> Self:
        """The same object of a part of a batch that its own batch broadcasts to."""
        given = dict(self._given)
        for name, t in given.items():
            if self._has_batch(name):
                event_rank = len(t.shape) - len(self._parameter_batch_shape(name))
                given[name] = index.of_tensor(t, event_rank)
        return type(self)(**self._arguments(given), dtype=self.dtype, validate=False)

    def __repr__(self) -> str:
        if _HOLLOW in vars(self):
            return f"{type(self).__name__}({', '.join(map(repr, vars(self)[_HOLLOW][1]))})"
        return self._description()

    def _description(self) -> str:
        """As it is shown."""
        return super().__repr__()

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain lists, for saving."""
        values = {name: ops.convert_to_numpy(t).tolist() for name, t in self._given.items()}
        return {**self._arguments(values), "dtype": self.dtype}

    def _arguments(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """All constructor arguments: these parameters, and what else a subclass takes."""
        return dict(parameters)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object that `get_config` described.

        One that was saved in float64 where the backend now makes none becomes float32.
        """
        if config["dtype"] not in available_dtypes():
            config = {**config, "dtype": "float32"}
        return cls(**config)


def default_dtype() -> str:
    """The dtype of an object whose parameters ask for none: Keras' default, but no half precision.

    Returns:
        "float32" or "float64".

    Example:
        >>> from kelbo.parameters.parametrized import default_dtype
        >>> default_dtype()
        'float32'
    """
    floatx = keras.config.floatx()
    return floatx if floatx == "float64" and floatx in available_dtypes() else "float32"


def available_dtypes() -> tuple[str, ...]:
    """The dtypes that the backend makes now: JAX turns float64 into float32 unless it is told.

    Returns:
        "float32" alone, or with "float64".

    Example:
        >>> from kelbo.parameters.parametrized import available_dtypes
        >>> "float32" in available_dtypes()
        True
    """
    widest = ops.convert_to_tensor(np.zeros((), "float64")).dtype
    return _DTYPES if keras.backend.standardize_dtype(widest) == "float64" else _DTYPES[:1]


def _refuse_what_is_no_value(owner: str, parameters: dict[str, Any]) -> None:
    for name, value in parameters.items():
        if value is None:
            raise ValueError(f"{owner}: {name} is None; give a number or a tensor.")
        if isinstance(value, keras.KerasTensor):
            raise ValueError(
                f"{owner}: {name} is a symbolic KerasTensor. Distributions and bijectors are plain "
                "Python objects and cannot be nodes of a functional model: make them inside the "
                "call() of a layer, or in a loss function."
            )


@contextlib.contextmanager
def _naming_what_is_no_number(owner: str, parameters: dict[str, Any]) -> Iterator[None]:
    """Turns the backend's error for a value that is no number into one that names it."""
    try:
        yield
    except Exception as error:  # each backend has its own
        for name, value in parameters.items():
            if not _may_be_numbers(value):
                given = " ".join(repr(value).split())
                given = given if len(given) < 80 else f"{given[:77]}..."
                raise ValueError(
                    f"{owner}: {name} must be a real number, or a tensor, an array or a list of "
                    f"them with rows of one length, got {given}."
                ) from error
        raise


def _may_be_numbers(value: Any) -> bool:
    is_array = isinstance(value, np.ndarray | np.generic)
    if hasattr(value, "dtype") and not is_array:
        return True
    try:
        kind = np.asarray(value).dtype.kind
    except ValueError:  # rows of different lengths
        return False
    except Exception:  # a list of tensors of which no array can be made: the error is another one
        return True
    return kind in "biuf" or (is_array and kind == "V")  # V: bfloat16


def _as_tensors(owner: str, parameters: dict[str, Any], dtype: str | None) -> dict[str, Any]:
    """The parameters as tensors of one dtype, float32 or float64."""
    # A variable changes in place on TensorFlow and PyTorch: take its value now.
    parameters = {
        name: ops.copy(value) if isinstance(value, keras.Variable) else value
        for name, value in parameters.items()
    }
    if dtype is None:
        if not parameters:
            return {}
        with _naming_what_is_no_number(owner, parameters):
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
    elif dtype == "float64" and dtype not in available_dtypes():
        raise ValueError(
            f"{owner}: dtype is {dtype!r}, which JAX makes only when it is told to: call "
            'jax.config.update("jax_enable_x64", True) first, or set JAX_ENABLE_X64=1.'
        )
    with _naming_what_is_no_number(owner, parameters):
        return {n: ops.convert_to_tensor(v, dtype=dtype) for n, v in parameters.items()}
