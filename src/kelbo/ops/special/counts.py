r"""Masses of counts: factorials without the cancellation of their logarithms.

$\log k!$ is of the order of $k \log k$ and a log mass of the order of 1, so that in float32
$k \log r - r - \log k!$ has no digit left at counts of a million. Here the large parts are
cancelled by hand, as C. Loader does ("Fast and accurate computation of binomial probabilities",
2000), with a shift by 8 in the place of his tables: one formula serves all counts from 0 on, real
ones too, and costs less than a log-gamma function.
"""

from collections.abc import Callable
from typing import Any

from kelbo.ops import elementary as ops
from kelbo.ops.series import stirling_correction
from kelbo.ops.special.odds import Odds
from kelbo.ops.special.outside import without
from kelbo.typing import Tensor

_SHIFT = 8.0
# Of Stirling's series: log Γ(8) - (7.5 log 8 - 8 + log(2π) / 2).
_CORRECTION_AT_ZERO = 0.010411265261972096


def log_factorial_rest(x: Tensor) -> Tensor:
    r"""What is left of a log factorial: $\log \Gamma(x + 1) - x \log(x + 8) + x$.

    It is 0 at 0 and then changes as slowly as a logarithm.

    Args:
        x: A tensor of numbers of at least 0.

    Returns:
        A tensor of the shape of `x`.
    """
    # Γ(x + 1) = Γ(z) / ((x + 1) ... (x + 7)) with z = x + 8, and Stirling's series for Γ(z). The
    # logarithms of the factors are one logarithm; at 0 each factor is exactly 1.
    shrink = 1.0 / (1.0 + x * (1.0 / _SHIFT))
    factors = ops.sqrt(shrink)
    for i in range(1, int(_SHIFT)):
        factors = factors * ((1.0 + x * (1.0 / i)) * shrink)
    return (stirling_correction(x + _SHIFT) - _CORRECTION_AT_ZERO) - ops.log(factors)


def log_poisson_mass(k: Tensor, rate: Tensor, log_rate: Tensor) -> Tensor:
    r"""$k \log r - r - \log \Gamma(k + 1)$.

    Args:
        k: Counts of at least 0.
        rate: $r$.
        log_rate: $\log r$, finite; it is used far from the mode, where `rate` may underflow.

    Returns:
        A tensor of the broadcast shape.
    """
    z = k + _SHIFT
    log_ratio = _log1p_or((rate - z) / z, log_rate - ops.log(z))
    return k * log_ratio + (k - rate) - log_factorial_rest(k)


def log_binomial_mass(k: Tensor, m: Tensor, odds: Odds) -> Tensor:
    r"""$\log \Gamma(k + m + 1) - \log \Gamma(k + 1) - \log \Gamma(m + 1) + k \log p + m \log q$.

    Args:
        k: Number of successes, at least 0.
        m: Number of failures, at least 0; need not be whole.
        odds: The probabilities $p$ of a success and $q$ of a failure. Where one is 0, its power
            counts as 1.

    Returns:
        A tensor of the broadcast shape.
    """
    total = k + m
    z, z_k, z_m = total + _SHIFT, k + _SHIFT, m + _SHIFT
    p, q = odds.probs, odds.complement()
    # p z - k = z_m - q z, by the smaller probability. Both ratios come from this one number, so
    # that its rounding cancels.
    excess = ops.where(p < 0.5, p * z - k, z_m - q * z)
    log_z = ops.log(z)
    successes = _log1p_or((excess - _SHIFT) / z_k, odds.log_probs() + (log_z - ops.log(z_k)))
    failures = _log1p_or(-excess / z_m, odds.log_complement() + (log_z - ops.log(z_m)))
    rest = log_factorial_rest(total) - log_factorial_rest(k) - log_factorial_rest(m)
    return (k * successes + m * failures) + rest


def _log1p_or(x, far):
    """The logarithm of 1 + x: log1p near 0, and `far`, the same number, elsewhere."""
    near = ops.abs(x) < 0.5
    return ops.where(near, ops.log1p(ops.where(near, x, ops.zeros_like(x))), far)


def is_no_count(value: Tensor, highest: Tensor | None = None, lowest: Tensor = 0.0) -> Tensor:
    """Which values are no whole numbers of a range; false for NaN, which stays NaN.

    Args:
        value: A tensor.
        highest: The largest count; None where there is none.
        lowest: The smallest count.

    Returns:
        A boolean tensor.
    """
    above = ops.equal(value, float("inf")) if highest is None else value > highest
    return ops.logical_or(ops.logical_or(value < lowest, above), ops.floor(value) < value)


def minus_infinity_where(outside: Tensor, log_prob: Tensor) -> Tensor:
    """The log masses, and minus infinity where the value is outside of the support."""
    return ops.where(outside, ops.full_like(log_prob, -float("inf")), log_prob)


def distribution_function(
    value: Tensor, below: Callable[[Any], Any], highest: Tensor | None = None
) -> Tensor:
    """The distribution function of a count: constant between whole numbers.

    Args:
        value: A tensor.
        below: The function at whole numbers of at least 0, and below `highest`.
        highest: The largest count; None where there is none.

    Returns:
        0 below 0, and 1 from the largest count on.
    """
    count = ops.floor(value)
    is_all = ops.equal(count, float("inf")) if highest is None else count >= highest
    is_none = count < 0
    share = below(without(ops.logical_or(is_none, is_all), count))
    share = ops.where(is_all, ops.ones_like(share), share)
    return ops.where(is_none, ops.zeros_like(share), share)
