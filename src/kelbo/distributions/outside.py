"""Values outside of the support: found, and kept away from formulas that they would harm."""

from typing import Any

from kelbo import ops


def outside_half_line(value: Any) -> Any:
    """Which values are no numbers from 0 on; false for NaN, which stays NaN.

    Args:
        value: A tensor.

    Returns:
        A boolean tensor: true below 0 and at infinity, where every density is 0.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions.outside import outside_half_line
        >>> bool(outside_half_line(ops.convert_to_tensor(-1.0)))
        True
    """
    return ops.logical_or(value < 0, ops.equal(value, float("inf")))


def without(outside: Any, value: Any) -> Any:
    """The values with 0 in the place of those outside, where no formula comes to harm.

    Args:
        outside: A boolean tensor.
        value: A tensor that it broadcasts against.

    Returns:
        A tensor of the broadcast shape.
    """
    return ops.where(outside, ops.zeros_like(value), value)
