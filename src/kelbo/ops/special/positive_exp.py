"""Draws of positive numbers, from their logarithms."""

import numpy as np

from kelbo.ops import elementary as ops
from kelbo.typing import Tensor


def positive_exp(log_value: Tensor) -> Tensor:
    """The exponential, moved to the nearest positive finite number where it leaves the dtype.

    Args:
        log_value: A tensor in float32 or float64.

    Returns:
        A tensor of the shape of `log_value`; its gradient is 0 where it was moved.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.special.positive_exp import positive_exp
        >>> 0.0 < float(positive_exp(ops.convert_to_tensor(-1e5))) < 1e-37
        True
    """
    kind = np.finfo("float64" if "64" in str(log_value.dtype) else "float32")
    # The logarithm is cut, not the exponential, whose derivative would be infinite.
    low, high = np.ceil(np.log(kind.tiny)), np.floor(np.log(kind.max))
    return ops.exp(ops.clip(log_value, float(low), float(high)))
