"""The base of all schedules: a number that changes with the training step."""

import abc
from typing import Any

import keras

from kelbo import ops
from kelbo.parameters import real_number
from kelbo.parameters.arguments import is_number
from kelbo.registration import registered
from kelbo.typing import Tensor


class Schedule(abc.ABC):
    """A number as a function of how many training steps were done.

    It is computed inside the compiled step, from a counter that the model keeps and saves: a run
    that is resumed goes on where it was. Outside of training (`evaluate`, `predict`) a schedule is
    at its end, so that losses of validation can be compared.
    """

    @abc.abstractmethod
    def __call__(self, step: Tensor) -> Tensor:
        """The value after so many steps.

        Args:
            step: A number or tensor, at least 0.

        Returns:
            A tensor of the shape of `step`.
        """

    @property
    @abc.abstractmethod
    def final(self) -> float:
        """The value in the end."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that it takes at any step.

        What a schedule may be used for is judged by them; here both are the value in the end. A
        schedule that takes others says so.
        """
        return self.final, self.final

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Schedule":
        """The schedule that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@registered
class Constant(Schedule):
    """The same number at every step.

    Args:
        value: The number.

    Raises:
        ValueError: It is not a finite number.

    Example:
        >>> from kelbo.schedules import Constant
        >>> float(Constant(4.0)(100))
        4.0
    """

    def __init__(self, value: float):
        self.value = real_number("Constant", "value", value)

    def __call__(self, step: Tensor) -> Tensor:
        return ops.full_like(ops.convert_to_tensor(step, dtype="float32"), self.value)

    @property
    def final(self) -> float:
        return self.value

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}

    def __repr__(self) -> str:
        return repr(self.value)


def as_schedule(
    owner: str,
    name: str,
    value: float | Schedule,
    *,
    least: float | None = None,
    above: float | None = None,
) -> Schedule:
    """Checks an argument that may be a number or a schedule.

    Args:
        owner: Name of the class, for the error.
        name: Name of the argument.
        value: What was given.
        least: The smallest number that may be given, and that a schedule may come to; None for no
            such bound.
        above: What the number must be greater than, in place of `least`.

    Returns:
        A schedule; a number becomes a `Constant`.

    Raises:
        ValueError: A number out of bounds, a schedule that leaves them at some step, or something
            else.

    Example:
        >>> from kelbo.schedules import as_schedule
        >>> as_schedule("BetaELBO", "beta", 4.0).final
        4.0
    """
    if isinstance(value, Schedule):
        for end in value.bounds:
            real_number(owner, f"every value of {name}, {value!r},", end, least=least, above=above)
        return value
    if not is_number(value):
        raise ValueError(f"{owner}: {name} must be a number or a schedule, got {value!r}.")
    return Constant(real_number(owner, name, value, least=least, above=above))


def fixed_number(owner: str, name: str, value: float, **bounds: Any) -> float:
    """Checks an argument that stays the same in training, where others take a schedule.

    Args:
        owner: Name of the class, for the error.
        name: Name of the argument.
        value: What was given.
        **bounds: Of `parameters.real_number`.

    Returns:
        The number.

    Raises:
        ValueError: A schedule, something else that is no number, or a number out of bounds.

    Example:
        >>> from kelbo.schedules import fixed_number
        >>> fixed_number("CIWAE", "beta", 0.5, least=0, most=1)
        0.5
    """
    if isinstance(value, Schedule):
        raise ValueError(
            f"{owner}: {name} takes a number, not a schedule, got {value!r}; give a number."
        )
    return real_number(owner, name, value, **bounds)


def at_step(schedule: Schedule, step: Tensor) -> Tensor:
    """The value of a schedule now.

    Args:
        schedule: Any.
        step: How many steps were done, or None outside of training.

    Returns:
        A number, or a tensor of the dtype of a floating `step`.

    Example:
        >>> from kelbo.schedules import LinearWarmUp, at_step
        >>> at_step(LinearWarmUp(10), None)
        1.0
    """
    if step is None:
        return schedule.final
    value = schedule(step)
    dtype = keras.backend.standardize_dtype(getattr(step, "dtype", "float32"))
    return ops.cast(value, dtype) if dtype.startswith("float") else value
