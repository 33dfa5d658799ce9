"""Derivatives: asked for, prescribed, and of what is found by a search."""

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.autodiff.gradient_tap import gradient_tap
from kelbo.ops.autodiff.gradients import (
    gradients_of_each,
    value_and_grad,
    values_and_gradients,
)
from kelbo.ops.autodiff.inversion import invert_monotone
from kelbo.ops.autodiff.pullbacks import with_pullback

__all__ = [
    "gradient_tap",
    "gradients_of_each",
    "invert_monotone",
    "value_and_grad",
    "values_and_gradients",
    "with_derivatives",
    "with_pullback",
]
