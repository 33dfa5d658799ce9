"""Inline: a bijector from three functions."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Constraint, Shape, constraints, whole_number
from kelbo.registration import registered


@registered
class Inline(Bijector):
    r"""From three functions: $f$, $f^{-1}$ and $\log\lvert\det\partial f / \partial x\rvert$.

    The log-determinant of the inverse is minus that of $f$ at $f^{-1}(y)$. Nothing checks that the
    functions fit together; compare `forward_and_log_det` with automatic differentiation once.

    It can be saved where its functions are decorated by
    `keras.saving.register_keras_serializable()`; a lambda cannot. For a bijector with parameters
    or with steps that the map and its log-determinant share, write a subclass of `Bijector`.

    Args:
        forward: From x to y, tensors of any batch shape.
        inverse: From y to x.
        log_det: From x to the log-determinant of `forward` there, one number per value; a constant
            may be returned as a Python number.
        event_rank: How many trailing axes make up one value of x.
        inverse_event_rank: How many make up one value of y; None for as many.
        domain: The values of x that may be given, a constraint of `kelbo.parameters`; None for all.
        codomain: The values of y that are reached; None for all.
        is_increasing: Of a map of numbers, whether it is increasing; None where it is not known,
            or not monotone.
        forward_event_shape: From the shape of one x to that of one y; None where they are equal.
        inverse_event_shape: From the shape of one y to that of one x; None where they are equal.
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.

    Raises:
        ValueError: A function cannot be called, or a rank is not a whole number.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors import Inline
        >>> cube = Inline(
        ...     forward=lambda x: x**3,
        ...     inverse=lambda y: ops.sign(y) * ops.abs(y) ** (1 / 3),
        ...     log_det=lambda x: ops.log(3 * x**2),
        ...     is_increasing=True,
        ... )
        >>> float(cube.forward(2.0))
        8.0
    """

    def __init__(
        self,
        forward: Callable[[Any], Any],
        inverse: Callable[[Any], Any],
        log_det: Callable[[Any], Any],
        *,
        event_rank: int = 0,
        inverse_event_rank: int | None = None,
        domain: Constraint | None = None,
        codomain: Constraint | None = None,
        is_increasing: bool | None = None,
        forward_event_shape: Callable[[Shape], Shape] | None = None,
        inverse_event_shape: Callable[[Shape], Shape] | None = None,
        dtype: str | None = None,
    ):
        functions = {"forward": forward, "inverse": inverse, "log_det": log_det}
        for name, function in functions.items():
            if not callable(function):
                raise ValueError(f"Inline: {name} must be a function, got {function!r}.")
        if inverse_event_rank is None:
            inverse_event_rank = event_rank
        self._ranks = (
            whole_number("Inline", "event_rank", event_rank, 0),
            whole_number("Inline", "inverse_event_rank", inverse_event_rank, 0),
        )
        self._domain, self._codomain, self._is_increasing = domain, codomain, is_increasing
        shapes = {
            "forward_event_shape": forward_event_shape,
            "inverse_event_shape": inverse_event_shape,
        }
        self._functions = {**functions, **shapes}
        super().__init__(dtype=dtype, validate=False)

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return self._ranks[0]

    @property
    def inverse_event_rank(self) -> int:
        return self._ranks[1]

    @property
    def domain(self) -> Constraint:
        """The values of x that may be given."""
        return self._domain or _real(self.event_rank)

    @property
    def codomain(self) -> Constraint:
        """The values of y that are reached."""
        return self._codomain or _real(self.inverse_event_rank)

    @property
    def is_increasing(self) -> bool | None:
        return self._is_increasing

    def _forward_and_log_det(self, x):
        return self._functions["forward"](x), self._log_det_at(x)

    def _inverse_and_log_det(self, y):
        x = self._functions["inverse"](y)
        return x, -self._log_det_at(x)

    def _log_det_at(self, x):
        log_det = ops.convert_to_tensor(self._functions["log_det"](x), dtype=self.dtype)
        return log_det + ops.zeros(ops.shape(x)[: len(x.shape) - self.event_rank], dtype=x.dtype)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._event_shape(shape, self.event_rank, "forward_event_shape")

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self._event_shape(shape, self.inverse_event_rank, "inverse_event_shape")

    def _event_shape(self, shape, rank, name):
        shape, function = self._checked(shape, rank), self._functions[name]
        outer = len(shape) - rank
        return shape if function is None else (*shape[:outer], *function(shape[outer:]))

    def _arguments(self, parameters):
        return {
            **self._functions,
            "event_rank": self.event_rank,
            "inverse_event_rank": self.inverse_event_rank,
            "domain": self._domain,
            "codomain": self._codomain,
            "is_increasing": self._is_increasing,
        }

    def astype(self, dtype: str) -> "Inline":
        return self if dtype == self.dtype else Inline(**self._arguments({}), dtype=dtype)

    @classmethod
    def _from_state(cls, state: dict[str, Any], dtype: str) -> "Inline":
        return cls(**state, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments: the functions by the names under which they are registered.

        Raises:
            ValueError: A function is not registered, or a constraint has no name in
                `kelbo.parameters.constraints`.
        """
        config = {**self._arguments({}), "dtype": self.dtype}
        for name, function in self._functions.items():
            config[name] = function and _serialized(name, function)
        for name in ("domain", "codomain"):
            config[name] = config[name] and _name_of(name, config[name])
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Inline":
        """The bijector that `get_config` described."""
        config = dict(config)
        for name, value in config.items():
            if isinstance(value, dict):
                config[name] = keras.saving.deserialize_keras_object(value)
        for name in ("domain", "codomain"):
            config[name] = config[name] and getattr(constraints, config[name])
        return super().from_config(config)


def _real(rank):
    return constraints.real_vector if rank == 1 else constraints.real


def _serialized(name, function):
    registered = keras.saving.get_registered_name(function)
    if keras.saving.get_registered_object(registered) is not function:
        raise ValueError(
            f"Inline: {name} is {getattr(function, '__name__', function)!r}, which is not "
            "registered, so it cannot be saved: give it a name by def, and decorate it with "
            "@keras.saving.register_keras_serializable(package=...)."
        )
    return keras.saving.serialize_keras_object(function)


def _name_of(argument, constraint):
    for name, value in vars(constraints).items():
        if value is constraint:
            return name
    raise ValueError(
        f"Inline: {argument} is {constraint.rule!r}, which is not one of the sets that are named "
        "in kelbo.parameters.constraints, so it cannot be saved."
    )
