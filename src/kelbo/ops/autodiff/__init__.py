"""Derivatives: asked for, prescribed, and of what is found by a search."""

from kelbo.ops.autodiff.derivatives import with_derivatives
from kelbo.ops.autodiff.gradient_tap import gradient_tap
from kelbo.ops.autodiff.gradients import value_and_grad, values_and_gradients
from kelbo.ops.autodiff.inversion import invert_monotone

__all__ = [
    "gradient_tap",
    "invert_monotone",
    "value_and_grad",
    "values_and_gradients",
    "with_derivatives",
]
