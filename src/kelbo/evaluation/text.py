"""Numbers as they are printed."""

import math

import numpy as np


def with_error(value: float, error: float) -> str:
    """A number with its standard error, both to the error's second digit.

    Args:
        value: The number.
        error: Its standard error.

    Returns:
        A string.

    Example:
        >>> from kelbo.evaluation.text import with_error
        >>> with_error(-84.7821, 0.0123)
        '-84.782 ± 0.012'
    """
    if not (math.isfinite(error) and error > 0):
        return f"{value:.4g} ± {error:.2g}"
    digits = min(max(1 - math.floor(math.log10(error)), 0), 6)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def share(flags: np.ndarray) -> str:
    """How many flags are set, of how many.

    Args:
        flags: Booleans.

    Returns:
        A string.

    Example:
        >>> import numpy as np
        >>> from kelbo.evaluation.text import share
        >>> share(np.array([True, False, False, False]))
        '1 of 4 (25 %)'
    """
    count, total = int(np.sum(flags)), int(np.size(flags))
    return f"{count} of {total} ({100 * count / total:.0f} %)"
