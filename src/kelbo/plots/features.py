"""The columns of a table: what they are called, and a scale on which they can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kelbo.errors import InputError
from kelbo.plots.style import literal

_LONGEST = 28  # characters of a name in a picture
_COMMON = 20  # where the middle feature fills less than so small a part of the view, it is flat


def feature_labels(names: Sequence[str] | None, count: int) -> list[str]:
    """What to write for each feature.

    Args:
        names: a name per feature, or None.
        count: the number of features.

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
    return [_plain(str(name)) for name in names]


@dataclass(frozen=True)
class FeatureScale:
    """How features are brought to one axis: as they are, or in standard deviations.

    Attributes:
        centre: shape (d,), subtracted.
        unit: shape (d,), divided by.
        label: what the axis then shows.
    """

    centre: np.ndarray
    unit: np.ndarray
    label: str

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values on this scale, of shape (n, d)."""
        return (values - self.centre) / self.unit

    @classmethod
    def of(cls, reference: np.ndarray) -> "FeatureScale":
        """The scale that suits some data.

        Features that share a scale (pixels, a spectrum) stay as they are. Where the middle 90 %
        of a typical feature would fill less than a twentieth of what all of them need, each is
        measured from its mean in its standard deviations.

        Args:
            reference: the data, of shape (n, d).

        Returns:
            The scale.
        """
        reference = reference.astype(np.float64)
        low, high = np.quantile(reference, [0.05, 0.95], axis=0)
        spread = (high - low)[high > low]
        typical = np.quantile(spread, 0.5, method="lower") if len(spread) else np.inf
        if high.max() - low.min() <= _COMMON * typical:
            return cls(np.zeros(len(low)), np.ones(len(low)), "value")
        unit = reference.std(axis=0)
        return cls(
            reference.mean(axis=0),
            np.where(unit > 0, unit, 1.0),
            "standard deviations from the mean of the data",
        )


def _plain(name: str) -> str:
    text = " ".join(name.split())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1].rstrip() + "…"
    return literal(text)
