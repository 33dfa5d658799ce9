"""Sums of powers of importance weights, and what they say of a mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kelbo import ops
from kelbo.evaluation.coordinates import count
from kelbo.evaluation.latent_model import LatentModel
from kelbo.evaluation.pareto import tail_length
from kelbo.latent.weights import fold_weights
from kelbo.training import map_rows


@dataclass(frozen=True, eq=False)
class WeightSums:
    r"""Sums over samples of powers of importance weights, relative to the largest weight.

    Attributes:
        samples: Number $S$ of weights per example.
        peak: $\log \max_s w_s$, of shape (n,).
        sums: By power $p$, $\sum_s (w_s / \max_t w_t)^p$, of shape (n,).
        largest: The largest log weights, in falling order, of shape (n, k).
    """

    samples: int
    peak: np.ndarray
    sums: dict[float, np.ndarray]
    largest: np.ndarray

    def log_mean(self, power: float = 1.0) -> np.ndarray:
        r"""$\log \frac{1}{S} \sum_s w_s^p$, of shape (n,)."""
        with np.errstate(divide="ignore"):
            return power * self.peak + np.log(self.sums[power]) - np.log(self.samples)

    def effective_sample_size(self, power: float = 1.0) -> np.ndarray:
        r"""$(\sum_s w_s^p)^2 / \sum_s w_s^{2p}$, from 1 to S; 0 where all weights are 0."""
        squares = self.sums[2.0 * power]
        return np.where(squares > 0, self.sums[power] ** 2 / np.where(squares > 0, squares, 1), 0.0)

    def standard_error(self, power: float = 1.0) -> np.ndarray:
        """Of `log_mean`, by the delta method; inf where it cannot be told (one sample)."""
        return log_mean_error(self.effective_sample_size(power), self.samples)


def log_mean_error(effective_sample_size: np.ndarray, samples: int) -> np.ndarray:
    r"""Standard error of the logarithm of a mean of S weights, by the delta method.

    $$\frac{\hat\sigma_w}{\sqrt S\, \bar w} = \sqrt{\frac{S}{S - 1}
        \Big(\frac{1}{\mathrm{ESS}} - \frac{1}{S}\Big)}$$

    Args:
        effective_sample_size: $(\sum w)^2 / \sum w^2$.
        samples: $S$.

    Returns:
        An array; inf where S is 1 or no weight is above 0.
    """
    size = np.asarray(effective_sample_size, "float64")
    if samples == 1:
        return np.where(np.isnan(size), np.nan, np.inf)
    with np.errstate(divide="ignore"):
        excess = np.maximum(1.0 / size - 1.0 / samples, 0.0)
    return np.sqrt(excess * samples / (samples - 1))


def stream_weights(
    model: LatentModel,
    x: Any,
    samples: int,
    seed: int,
    batch_size: int,
    verbose: bool = False,
    powers: Sequence[float] = (1.0,),
) -> WeightSums:
    """Draws importance weights of each example and keeps their sums and their largest.

    Args:
        model: The model.
        x: Examples.
        samples: Weights per example.
        seed: Integer seed.
        batch_size: Examples per compiled call.
        verbose: Whether a progress bar is shown.
        powers: Whose sums, and those of their doubles, are kept.

    Returns:
        The sums.
    """
    wanted = sorted({factor * float(power) for power in powers for factor in (1, 2)})
    kept = min(tail_length(samples) + 1, samples)

    def estimate(x, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index)
        log_weights = model.log_weights(model.observed(x, seeds))
        nothing = ops.full((count(x),), -float("inf"), dtype="float32")
        start = {
            "peak": nothing,
            "sums": ops.zeros((len(wanted), count(x)), "float32"),
            "largest": ops.tile(nothing[:, None], (1, kept)),
        }
        return _batch_first(fold_weights(_adder(wanted), start, log_weights, samples, seeds))

    run = model.compiled(f"weights {samples} {wanted}", estimate)
    rows = model.examples(x)
    seed = ops.whole_seed(seed)
    found = map_rows(lambda batch, i: run(batch, seed, i), rows, batch_size, verbose)
    found = {n: ops.convert_to_numpy(value).astype("float64") for n, value in found.items()}
    sums = dict(zip(wanted, found["sums"].T, strict=True))
    return WeightSums(samples, found["peak"], sums, found["largest"])


def _batch_first(carry):
    return {**carry, "sums": ops.transpose(carry["sums"])}


def _adder(exponents: Sequence[float]) -> Callable[[dict, Any], dict]:
    """Adds a block of log weights; sums are relative to the peak, so that none overflows."""
    column = np.asarray(exponents, "float32")[:, None]

    def add(carry, weights):
        powers = ops.convert_to_tensor(column)
        peak = ops.maximum(carry["peak"], ops.max(weights, axis=0))
        # Where all weights are 0 so far, they are relative to 1.
        origin = ops.where(ops.equal(peak, -float("inf")), ops.zeros_like(peak), peak)
        before = ops.exp(powers * (carry["peak"] - origin)[None])
        added = ops.sum(ops.exp(powers[:, None] * (weights - origin)[None]), axis=1)
        both = ops.concatenate([carry["largest"], ops.transpose(weights)], axis=1)
        return {
            "peak": peak,
            "sums": carry["sums"] * before + added,
            "largest": ops.top_k(both, carry["largest"].shape[1])[0],
        }

    return add
