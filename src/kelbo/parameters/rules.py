"""Whether values obey a rule, and the words for those that do not."""

import numpy as np

from kelbo import ops
from kelbo.parameters.constraints import Constraint
from kelbo.typing import Tensor


def broken_rule(name: str, tensor: Tensor, constraint: Constraint) -> str | None:
    """What is wrong with values that do not obey a constraint, for an error.

    Args:
        name: What the values are called.
        tensor: The values.
        constraint: Their rule.

    Returns:
        A clause that names the rule and the range of the values; None where they obey it, or where
        they cannot be seen, as in compiled code.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.parameters import constraints
        >>> from kelbo.parameters.rules import broken_rule
        >>> broken_rule("scale", ops.convert_to_tensor(-1.0), constraints.positive)
        'scale must be greater than 0 and finite, but what was given, of shape (), is -1'
    """
    if not ops.is_concrete(tensor):
        return None
    is_valid = ops.all(constraint.contains(tensor))
    # A concrete tensor meets traced ones inside compiled code: then so is the answer.
    if not ops.is_concrete(is_valid) or bool(is_valid):
        return None
    described = _describe_values(ops.convert_to_numpy(tensor), constraint)
    return f"{name} must be {constraint.rule}, but {described}"


def _describe_values(values: np.ndarray, constraint: Constraint) -> str:
    description = _describe_range(values, constraint)
    if constraint.measure is None or not values.size or not np.isfinite(values).all():
        return description
    name, measure = constraint.measure
    # In float64: rounding in the error would be taken for that of what was given.
    return f"{description}; its {name} {_range(measure(np.asarray(values, 'float64')))}"


def _describe_range(values: np.ndarray, constraint: Constraint) -> str:
    if constraint.event_rank < 2 or not constraint.is_square:
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
