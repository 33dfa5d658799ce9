"""The base of all schedules: a number that changes with the training step."""

import abc
from typing import Any

import keras

from kelbo import ops
from kelbo.parameters import PACKAGE


class Schedule(abc.ABC):
    """A number as a function of how many training steps were done.

    It is computed inside the compiled step, from a counter that the model keeps and saves: a run
    that is resumed goes on where it was. Outside of training (`evaluate`, `predict`) a schedule is
    at its end, so that losses of validation can be compared.
    """

    @abc.abstractmethod
    def __call__(self, step: Any) -> Any:
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class Constant(Schedule):
    """The same number at every step.

    Args:
        value: The number.

    Example:
        >>> from kelbo.schedules import Constant
        >>> float(Constant(4.0)(100))
        4.0
    """

    def __init__(self, value: float):
        self.value = float(value)

    def __call__(self, step: Any) -> Any:
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
    least: float = -float("inf"),
    above: float | None = None,
) -> Schedule:
    """Checks an argument that may be a number or a schedule.

    Args:
        owner: Name of the class, for the error.
        name: Name of the argument.
        value: What was given.
        least: The smallest number that may be given.
        above: What the number must be greater than, where that is asked.

    Returns:
        A schedule; a number becomes a `Constant`.

    Raises:
        ValueError: A number out of bounds, or something else.

    Example:
        >>> from kelbo.schedules import as_schedule
        >>> as_schedule("BetaELBO", "beta", 4.0).final
        4.0
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{owner}: {name} must be a number or a schedule, got {value!r}.")
    if not value >= least or (above is not None and not value > above):
        bound = f"at least {least:g}" if above is None else f"greater than {above:g}"
        raise ValueError(f"{owner}: {name} must be {bound}, got {value!r}.")
    return Constant(value)


def at_step(schedule: Schedule, step: Any) -> Any:
    """The value of a schedule now.

    Args:
        schedule: Any.
        step: How many steps were done, or None outside of training.

    Returns:
        A number or a tensor.

    Example:
        >>> from kelbo.schedules import LinearWarmUp, at_step
        >>> at_step(LinearWarmUp(10), None)
        1.0
    """
    return schedule.final if step is None else schedule(step)
