"""What the curve of a loss says of a fit: numbers of a series of epochs, noise included."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

# Of a normal distribution, by its median absolute deviation.
_DEVIATION = 1.4826
_LEVEL = 0.1  # of the slope of the last epochs
_MOST = 500  # epochs that a slope is fitted to: more tell nothing new


@dataclass(frozen=True, eq=False)
class Curve:
    """The values of one figure, epoch by epoch; those that are not known are left out.

    Attributes:
        values: Of shape (n,), finite, n at least 1.
        epochs: The number of each value's epoch, from 1.
    """

    values: np.ndarray
    epochs: np.ndarray

    @classmethod
    def of(cls, values: Sequence[float | None] | None) -> "Curve | None":
        """The curve of values per epoch; None where there is no finite one."""
        values = () if values is None else values
        array = np.array([np.nan if value is None else value for value in values], "float64")
        known = np.isfinite(array)
        return cls(array[known], np.flatnonzero(known) + 1) if known.any() else None

    def until(self, epoch: int | None) -> "Curve":
        """The part up to an epoch; all of it for None."""
        if epoch is None or epoch < self.epochs[0]:
            return self
        kept = self.epochs <= epoch
        return Curve(self.values[kept], self.epochs[kept])

    def at(self, epochs: np.ndarray) -> "Curve":
        """The part that is of these epochs."""
        kept = np.isin(self.epochs, epochs)
        return Curve(self.values[kept], self.epochs[kept])

    @property
    def window(self) -> int:
        """How many epochs make its end: a tenth of them, at least 2 where there are so many."""
        return min(max(2, math.ceil(len(self.values) / 10)), len(self.values) - 1)

    @property
    def noise(self) -> float:
        """Standard deviation from one epoch to the next, whatever the trend; of the later half.

        From second differences, which a smooth curve has hardly any of. Of few epochs it is not
        known, and 0.
        """
        later = self.values[len(self.values) // 2 :]
        if len(later) < 5:
            return 0.0
        differences = np.diff(later, 2)
        spread = np.median(np.abs(differences - np.median(differences)))
        return float(_DEVIATION * spread / math.sqrt(6.0))

    @property
    def drop(self) -> float:
        """How far it has come down, but for its first steps, which may begin anywhere.

        From the value that only a twentieth of the epochs exceed to the last.
        """
        return float(np.quantile(self.values, 0.95) - self.values[-1])

    @property
    def descent(self) -> float:
        """From the second epoch (the first, of few) to the median of the last fifth."""
        count = len(self.values)
        start = self.values[min(1, count // 10)]
        return float(start - np.median(self.values[-max(1, count // 5) :]))

    def fall(self) -> tuple[float, float]:
        """How far it falls within its `window`, by the median slope, and the standard error.

        Of few epochs, whose noise is not known, a last one that is level beside the others ends the
        fall.
        """
        window = self.window
        if window < 1:
            return 0.0, math.inf
        tail = self.values[-(window + 1) :]
        steps = np.arange(len(tail))
        thin = slice(None, None, math.ceil(len(tail) / _MOST))
        slope = stats.theilslopes(tail[thin], steps[thin])[0]
        last = self.values[-1] - self.values[-2]
        if len(self.values) < 10 and abs(last) < _LEVEL * abs(slope):
            slope = last
        return float(-slope * window), self.noise * math.sqrt(12.0 / window)

    def smoothed(self) -> np.ndarray:
        """Running medians of five epochs (of few, the values themselves)."""
        if len(self.values) < 10:
            return self.values
        padded = np.pad(self.values, 2, mode="edge")
        return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)

    def jumps(self) -> np.ndarray:
        """Indices of the epochs at which it leapt above the five before them.

        By far more than its noise, more than a tenth of what it has come down, and far more than it
        changes from epoch to epoch thereabouts: a loss that rises steadily does not jump. One that
        stays up, or comes back in steps, jumped once.
        """
        if len(self.values) < 3:
            return np.array([], int)
        before = [np.median(self.values[max(0, i - 5) : i]) for i in range(1, len(self.values))]
        rises = self.values[1:] - np.maximum(before, self.values[:-1])
        level = np.median(np.abs(self.values))
        least = max(10.0 * self.noise, 0.1 * self.descent, 0.01 * level, 0.1)
        changes = np.pad(np.abs(np.diff(self.values)), 3, constant_values=np.nan)
        around = np.lib.stride_tricks.sliding_window_view(changes, 7)[:, [0, 1, 2, 4, 5, 6]]
        usual = np.nanmedian(around, axis=1)
        return np.flatnonzero(rises > np.maximum(least, 4.0 * usual)) + 1
