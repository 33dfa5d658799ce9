"""Numbers that change with the training step: weights of a divergence, temperatures."""

from kelbo.schedules.schedule import Constant, Schedule, as_schedule, at_step, fixed_number
from kelbo.schedules.warm_up import (
    CyclicalWarmUp,
    ExponentialDecay,
    LinearWarmUp,
    SigmoidWarmUp,
)

__all__ = [
    "Constant",
    "CyclicalWarmUp",
    "ExponentialDecay",
    "LinearWarmUp",
    "Schedule",
    "SigmoidWarmUp",
    "as_schedule",
    "at_step",
    "fixed_number",
]
