"""The tail of importance weights: Pareto k-hat."""

import math
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.intake import as_array

# Numbers in memory at once.
_BLOCK = 4_000_000
# The fewest tail weights that a shape is fitted to.
_FEWEST = 5
# Log weights of single precision that differ by less are equal.
_ROUNDING = 1e-6


def tail_length(samples: int) -> int:
    r"""How many of S weights make up their tail: $\lceil \min(S / 5, 3 \sqrt S) \rceil$.

    (Vehtari, Simpson, Gelman, Yao and Gabry, 2024, "Pareto smoothed importance sampling",
    algorithm 1; whether it is rounded up or down differs between programs.)

    Args:
        samples: $S$.

    Returns:
        A whole number.

    Example:
        >>> from kelbo.evaluation.pareto import tail_length
        >>> tail_length(5000)
        213
    """
    return math.ceil(min(0.2 * samples, 3.0 * math.sqrt(samples)))


def pareto_k_threshold(samples: int) -> float:
    r"""The k-hat above which a mean of S weights is not reliable.

    $\min(1 - 1 / \log_{10} S,\, 0.7)$ (Vehtari et al., 2024, section 3.2.4).

    Args:
        samples: $S$, at least 2.

    Returns:
        A number.

    Example:
        >>> from kelbo.evaluation import pareto_k_threshold
        >>> round(pareto_k_threshold(100), 2), pareto_k_threshold(5000)
        (0.5, 0.7)
    """
    return min(1.0 - 1.0 / math.log10(samples), 0.7) if samples > 1 else -math.inf


def pareto_k(largest: Any) -> np.ndarray:
    r"""Shape $\hat k$ of a generalised Pareto distribution fitted to the tail of weights.

    The excesses $w_s - u$ of the M largest weights over the next one, u, are fitted by the
    estimator of Zhang and Stephens (2009, "A new and efficient estimation method for the
    generalized Pareto distribution"), with the weak prior of Vehtari et al. (2024, appendix C),
    $(M \hat k + 10 \cdot 0.5) / (M + 10)$. The weights have $1 / k$ finite moments: above 0.5 their
    variance is infinite, above 0.7 no practical number of samples is enough.

    Args:
        largest: The M + 1 largest log weights of each example, of shape (n, M + 1), in any order.

    Returns:
        An array of shape (n,): NaN where fewer than 5 weights are above the smallest one given,
        but 0 where all are equal to single precision, and above 0: those have no tail.

    Raises:
        ValueError: The shape is another.

    Example:
        >>> import numpy as np
        >>> from kelbo.evaluation import pareto_k
        >>> weights = np.random.default_rng(0).pareto(2.0, 100_000) + 1.0
        >>> largest = np.log(np.sort(weights)[-950:])
        >>> abs(float(pareto_k(largest[None])[0]) - 0.5) < 0.1
        True
    """
    largest = ops.convert_to_numpy(as_array(largest, "largest")).astype("float64")
    largest = np.sort(largest, axis=-1)
    if largest.ndim != 2 or 0 in largest.shape:
        raise ValueError(
            f"pareto_k: largest has the shape {largest.shape}; expected (n, M + 1) log weights."
        )
    points = largest.shape[1] - 1
    rows = max(1, _BLOCK // max(points * _grid_size(points), 1))
    starts = range(0, len(largest), rows)
    return np.concatenate([_fit(largest[start : start + rows]) for start in starts])


def _grid_size(points):
    return 30 + int(math.sqrt(points))


def _fit(ordered):
    """Zhang and Stephens' estimate for each row of log weights, which are in rising order."""
    peak = ordered[:, -1:]
    with np.errstate(invalid="ignore"):
        excess = np.exp(ordered[:, 1:] - peak) - np.exp(ordered[:, :1] - peak)
    # Excesses of 0 (ties with the threshold) are no part of the tail, and add nothing to sums.
    count = np.sum(excess > 0, axis=1)
    enough = (count >= _FEWEST) & np.all(np.isfinite(excess), axis=1)
    safe, n = np.where(enough[:, None], excess, 1.0), np.where(enough, count, excess.shape[1])
    if excess.shape[1] < _FEWEST:
        shape = np.full(len(ordered), np.nan)
    else:
        grid = _grid_size(excess.shape[1])
        column = excess.shape[1] - n + np.floor(n / 4 + 0.5).astype(int) - 1
        quartile = np.take_along_axis(safe, column[:, None], axis=1)
        b = (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5)))[None] / (3.0 * quartile)
        b = b + 1.0 / safe[:, -1:]
        means = np.log1p(-b[:, :, None] * safe[:, None]).sum(axis=2) / n[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            profile = n[:, None] * (np.log(-b / means) - means - 1.0)
        profile = np.where(np.isfinite(profile), profile, -np.inf)
        weights = np.exp(profile - profile.max(axis=1, keepdims=True))
        best = np.sum(b * weights, axis=1) / np.sum(weights, axis=1)
        k = np.log1p(-best[:, None] * safe).sum(axis=1) / n
        shape = np.where(enough, (n * k + 5.0) / (n + 10.0), np.nan)
    with np.errstate(invalid="ignore"):
        spread = ordered[:, -1] - ordered[:, 0]
    flat = spread <= _ROUNDING * np.maximum(np.abs(ordered[:, -1]), 1.0)
    return np.where(flat & (ordered.shape[1] > _FEWEST), 0.0, shape)
