"""What distributions and bijectors have in common: parameters with rules, shapes and dtypes."""

from kelbo.parameters import constraints
from kelbo.parameters.arguments import (
    block_sizes,
    exactly_one,
    real_number,
    whole_number,
    whole_sizes,
)
from kelbo.parameters.composite import Composite
from kelbo.parameters.constraints import Constraint
from kelbo.parameters.parametrized import Parametrized
from kelbo.parameters.shapes import Shape, as_shape, broadcast_shapes

__all__ = [
    "Composite",
    "Constraint",
    "Parametrized",
    "Shape",
    "as_shape",
    "block_sizes",
    "broadcast_shapes",
    "constraints",
    "exactly_one",
    "real_number",
    "whole_number",
    "whole_sizes",
]
