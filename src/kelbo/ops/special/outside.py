"""Values outside of the support: found, and kept away from formulas that they would harm."""

import keras
import numpy as np

from kelbo.ops import elementary as ops
from kelbo.typing import Tensor


def largest(tensor: Tensor) -> Tensor:
    """The largest number of a tensor's dtype.

    Args:
        tensor: A floating tensor.

    Returns:
        A tensor of that dtype, without axes. On a CPU, XLA compares with it faster than it looks
        for infinities.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    # A Python number would go through float32 where the tensor is a Keras variable.
    return ops.convert_to_tensor(np.finfo(dtype).max, dtype=dtype)


def is_infinite(value: Tensor) -> Tensor:
    """Which values are infinite; false for NaN, which stays NaN.

    Args:
        value: A floating tensor.

    Returns:
        A boolean tensor: true where every density is 0.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.special.outside import is_infinite
        >>> bool(is_infinite(ops.convert_to_tensor(-float("inf"))))
        True
    """
    return ops.abs(value) > largest(value)


def outside_half_line(value: Tensor) -> Tensor:
    """Which values are no numbers from 0 on; false for NaN, which stays NaN.

    Args:
        value: A tensor.

    Returns:
        A boolean tensor: true below 0 and at infinity, where every density is 0.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.special.outside import outside_half_line
        >>> bool(outside_half_line(ops.convert_to_tensor(-1.0)))
        True
    """
    return ops.logical_or(value < 0, value > largest(value))


def between(value: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The values, with the nearer end in the place of those outside of an interval.

    As `ops.clip`, of shapes that broadcast, and with one derivative on all backends: at an end it
    is that of the value, as from within.

    Args:
        value: A tensor.
        low: The lower end, a number or a tensor.
        high: The upper end, a number or a tensor.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.special.outside import between
        >>> float(between(ops.convert_to_tensor(3.0), 0.0, 1.0))
        1.0
    """
    return ops.where(value < low, low, ops.where(value > high, high, value))


def without(outside: Tensor, value: Tensor) -> Tensor:
    """The values with 0 in the place of those outside, where no formula comes to harm.

    Args:
        outside: A boolean tensor.
        value: A tensor that it broadcasts against.

    Returns:
        A tensor of the broadcast shape.
    """
    return ops.where(outside, ops.zeros_like(value), value)
