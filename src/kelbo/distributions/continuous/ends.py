"""The check of two ends of an interval."""

from typing import Any

import numpy as np

from kelbo import ops


def require_increasing(distribution: Any) -> None:
    """Checks that `low` is below `high`, where both are known (not under `jit`).

    Args:
        distribution: What has the two attributes.

    Raises:
        ValueError: It is not, somewhere: names the first such pair.

    Example:
        >>> from kelbo.distributions import Uniform
        >>> from kelbo.distributions.continuous.ends import require_increasing
        >>> require_increasing(Uniform(0.0, 1.0))
    """
    low, high = distribution.low, distribution.high
    if not (ops.is_concrete(low) and ops.is_concrete(high)):
        return
    low, high = np.broadcast_arrays(ops.convert_to_numpy(low), ops.convert_to_numpy(high))
    wrong = ~(low < high)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f"at {where} of shape {low.shape} " if low.ndim else ""
        raise ValueError(
            f"{type(distribution).__name__}: low must be less than high, but {place}low is "
            f"{low[where]:.6g} and high is {high[where]:.6g}. Pass validate=False to skip this "
            "check."
        )
