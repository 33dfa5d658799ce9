"""Walk over a large array a few rows at a time, so that temporaries stay small."""

from collections.abc import Iterator

import numpy as np

_ELEMENTS = 1 << 22  # 4 million elements: 16 MB of float32, 4 MB of booleans


def row_slices(x: np.ndarray, elements: int = _ELEMENTS) -> Iterator[slice]:
    """Yield slices along the first axis of `x` that hold about `elements` elements each.

    Args:
        x: An array of rank 1 or more.
        elements: How many elements a slice may hold; a slice holds one row at least.

    Yields:
        Consecutive slices that cover `x` exactly once.

    Example:
        >>> import numpy as np
        >>> [(s.start, s.stop) for s in row_slices(np.zeros((5, 4)), elements=8)]
        [(0, 2), (2, 4), (4, 5)]
    """
    width = max(1, x.size // max(1, len(x)))
    rows = max(1, elements // width)
    for start in range(0, len(x), rows):
        yield slice(start, min(start + rows, len(x)))
