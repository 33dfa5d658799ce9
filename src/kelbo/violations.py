"""Which values of a large array break a rule."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kelbo.chunks import row_slices

_SHOWN = 3  # how many positions an error names


def find_violations(
    x: Any,
    obeys: Callable[[Any], np.ndarray],
    looked_at: np.ndarray | None = None,
    most: int = _SHOWN,
) -> tuple[int, list[tuple[int, ...]]]:
    """Counts the values that break a rule, a few rows at a time: no copy of all of them is made.

    Args:
        x: Array of shape (n, ...).
        obeys: Takes some rows of `x`, returns a boolean array: for each value, or with fewer axes
            for each vector or matrix in it.
        looked_at: Booleans of the shape of what `obeys` returns for all of x: where one is False,
            the value may break the rule. None for all True.
        most: How many positions are returned.

    Returns:
        How many break it, and the indices of the first of them.

    Example:
        >>> import numpy as np
        >>> from kelbo.violations import find_violations
        >>> find_violations(np.array([[0.0, np.nan], [np.inf, 1.0]]), np.isfinite)
        (2, [(0, 1), (1, 0)])
    """
    count, first = 0, []
    for rows in row_slices(x):
        good = np.asarray(obeys(x[rows]))
        if looked_at is not None:
            good = good | ~looked_at[rows]
        if good.all():
            continue
        bad = ~good
        count += int(np.count_nonzero(bad))
        found = (np.unravel_index(i, bad.shape) for i in np.flatnonzero(bad)[: most - len(first)])
        first += [(int(row) + rows.start, *map(int, rest)) for row, *rest in found]
    return count, first
