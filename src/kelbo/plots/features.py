"""The columns of a table: what they are called, and whether they can be compared on one axis."""

from collections.abc import Sequence

import numpy as np

from kelbo.errors import InputError
from kelbo.plots.style import literal

_LONGEST = 28  # characters of a name in a picture
_COMMON = 20  # where the middle feature fills less than so small a part of the view, it is flat


def feature_labels(names: Sequence[str] | None, count: int, longest: int = _LONGEST) -> list[str]:
    """What to write for each feature.

    Args:
        names: a name per feature, or None.
        count: the number of features.
        longest: characters that there is room for.

    Returns:
        `count` texts: the names, long ones shortened, or "feature 1", "feature 2", ...

    Raises:
        InputError: there are more or fewer names than features.
    """
    if names is None:
        return [f"feature {index + 1}" for index in range(count)]
    if len(names) != count:
        raise InputError(
            f"feature_names must name every feature; got {len(names)} names for {count} features."
        )
    return [shortened(str(name), longest) for name in names]


def share_a_scale(reference: np.ndarray) -> bool:
    """Whether features can be compared on one axis: pixels, a spectrum, measures of one kind.

    They cannot where the middle 90 % of a typical feature would fill less than a twentieth of what
    all of them need.

    Args:
        reference: The data, of shape (n, d).

    Returns:
        Whether they can.
    """
    low, high = np.quantile(reference.astype(np.float64), [0.05, 0.95], axis=0)
    spread = (high - low)[high > low]
    typical = np.quantile(spread, 0.5, method="lower") if len(spread) else np.inf
    return bool(high.max() - low.min() <= _COMMON * typical)


def shortened(name: str, longest: int = _LONGEST) -> str:
    """A name as it is written in a picture.

    Args:
        name: The name.
        longest: Characters that there is room for.

    Returns:
        One line.
    """
    text = " ".join(name.split())
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return literal(text)
