"""Schedules that rise, or fall, from one number to another."""

import abc
import math
from typing import Any

from kelbo import ops
from kelbo.parameters import real_number, whole_number
from kelbo.registration import registered
from kelbo.schedules.schedule import Schedule
from kelbo.typing import Tensor


def between(start: float, end: float, progress: Tensor) -> Tensor:
    """The value after a share of the way from `start` to `end`, and never outside of them.

    Args:
        start: The value at a share of 0.
        end: The value at a share of 1.
        progress: The share, up to rounding from 0 to 1.

    Returns:
        A tensor of the shape of `progress`.
    """
    # A sum of two parts: start plus a difference would round a small end to 0, or below it.
    progress = ops.clip(progress, 0.0, 1.0)
    return start * (1.0 - progress) + end * progress


class Ramp(Schedule):
    """From `start` to `end` in a number of steps, and `end` from there on.

    A subclass writes `progress`.

    Args:
        steps: How many training steps the change takes.
        start: The value at step 0.
        end: The value from `steps` on.

    Raises:
        ValueError: `steps` is not a whole number of at least 1, or an end is not a finite number.
    """

    _above: float | None = None  # what both ends must be greater than

    def __init__(self, steps: int, start: float = 0.0, end: float = 1.0):
        owner = type(self).__name__
        self.steps = whole_number(owner, "steps", steps)
        self.start = real_number(owner, "start", start, above=self._above)
        self.end = real_number(owner, "end", end, above=self._above)

    @abc.abstractmethod
    def progress(self, share: Tensor) -> Tensor:
        """Which share of the change is done at a share of the steps; from 0 at 0 to 1 at 1."""

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.convert_to_tensor(step, dtype="float32")
        share = ops.minimum(step / self.steps, 1.0)
        return between(self.start, self.end, self.progress(share))

    @property
    def final(self) -> float:
        return self.end

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)

    def get_config(self) -> dict[str, Any]:
        return {"steps": self.steps, "start": self.start, "end": self.end}


@registered
class LinearWarmUp(Ramp):
    """Linear from `start` to `end`: the usual warm-up of a divergence (Bowman et al., 2016).

    Args:
        steps: How many training steps the change takes.
        start: The value at step 0.
        end: The value from `steps` on.

    Raises:
        ValueError: `steps` is not a whole number of at least 1, or an end is not a finite number.

    Example:
        >>> from kelbo.schedules import LinearWarmUp
        >>> float(LinearWarmUp(steps=1000)(250))
        0.25
    """

    def progress(self, share: Tensor) -> Tensor:
        return share


@registered
class SigmoidWarmUp(Ramp):
    r"""An S from `start` to `end`: slow, fast, slow (Bowman et al., 2016, figure 2).

    $\sigma(s (t - 1/2))$ at the share $t$ of the steps, stretched so that it begins at `start` and
    ends at `end`.

    Args:
        steps: How many training steps the change takes.
        start: The value at step 0.
        end: The value from `steps` on.
        sharpness: $s > 0$; the higher, the more sudden is the change in the middle.

    Raises:
        ValueError: `steps` is not a whole number of at least 1, an end is not a finite number, or
            `sharpness` is not positive.

    Example:
        >>> from kelbo.schedules import SigmoidWarmUp
        >>> float(SigmoidWarmUp(steps=1000)(500))
        0.5
    """

    def __init__(self, steps: int, start: float = 0.0, end: float = 1.0, sharpness: float = 10.0):
        super().__init__(steps, start, end)
        self.sharpness = real_number("SigmoidWarmUp", "sharpness", sharpness, above=0)

    def progress(self, share: Tensor) -> Tensor:
        # The hyperbolic tangent is the sigmoid about its middle.
        half = 0.5 * self.sharpness
        inner = 0.5 + 0.5 * ops.tanh(half * (share - 0.5)) / math.tanh(0.5 * half)
        # The ends are exact, however it is rounded.
        return ops.where(share <= 0.0, 0.0, ops.where(share >= 1.0, 1.0, inner))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sharpness": self.sharpness}


@registered
class ExponentialDecay(Ramp):
    r"""A constant factor per step: $a\,(b / a)^{t}$ at the share $t$ of the steps.

    For temperatures (Jang, Gu and Poole, 2017, section 4.2).

    Args:
        steps: How many training steps the change takes.
        start: The value at step 0, positive.
        end: The value from `steps` on, positive.

    Raises:
        ValueError: `steps` is not a whole number of at least 1, or an end is not positive.

    Example:
        >>> from kelbo.schedules import ExponentialDecay
        >>> float(ExponentialDecay(steps=2, start=1.0, end=0.25)(1))
        0.5
    """

    _above = 0.0

    def __init__(self, steps: int, start: float = 1.0, end: float = 0.5):
        super().__init__(steps, start, end)

    def progress(self, share: Tensor) -> Tensor:
        if self.start == self.end:
            return share
        return (ops.exp(share * math.log(self.end / self.start)) - 1.0) * (
            self.start / (self.end - self.start)
        )


@registered
class CyclicalWarmUp(Schedule):
    """Linear warm-ups one after another: each cycle rises, then stays (Fu et al., 2019).

    Args:
        steps: Training steps of one cycle.
        cycles: How many cycles there are; then the value stays at `end`.
        rise: Which share of a cycle the rise takes, above 0 and at most 1.
        start: The value at the beginning of each cycle.
        end: The value that each cycle reaches.

    Raises:
        ValueError: `steps` or `cycles` is not a whole number of at least 1, `rise` is out of
            bounds, or an end is not a finite number.

    Example:
        >>> from kelbo.schedules import CyclicalWarmUp
        >>> [float(CyclicalWarmUp(steps=100, cycles=2)(step)) for step in (25, 75, 125, 200)]
        [0.5, 1.0, 0.5, 1.0]
    """

    def __init__(
        self, steps: int, cycles: int = 4, rise: float = 0.5, start: float = 0.0, end: float = 1.0
    ):
        self.steps = whole_number("CyclicalWarmUp", "steps", steps)
        self.cycles = whole_number("CyclicalWarmUp", "cycles", cycles)
        self.rise = real_number("CyclicalWarmUp", "rise", rise, above=0, most=1)
        self.start = real_number("CyclicalWarmUp", "start", start)
        self.end = real_number("CyclicalWarmUp", "end", end)

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.convert_to_tensor(step, dtype="float32")
        within = ops.minimum(ops.mod(step, self.steps) / (self.rise * self.steps), 1.0)
        share = ops.where(step >= self.steps * self.cycles, 1.0, within)
        return between(self.start, self.end, share)

    @property
    def final(self) -> float:
        return self.end

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)

    def get_config(self) -> dict[str, Any]:
        names = ("steps", "cycles", "rise", "start", "end")
        return {name: getattr(self, name) for name in names}
