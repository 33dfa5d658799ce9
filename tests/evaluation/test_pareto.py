"""Pareto k-hat against ArviZ, against the same one example at a time, and known tails."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import stats

from kelbo.evaluation import pareto_k, pareto_k_threshold
from kelbo.evaluation.pareto import tail_length


def one_by_one(largest):
    """Zhang and Stephens' estimate, for one example."""
    ordered = np.sort(largest) - largest.max()
    tail = ordered[ordered > ordered[0]]
    excess = np.exp(tail) - np.exp(ordered[0])
    n = len(excess)
    grid = 30 + int(n**0.5)
    b = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3 * excess[int(n / 4 + 0.5) - 1]) + 1 / excess[-1]
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-(b / k)) - k - 1)
    weights = 1 / np.exp(profile - profile[:, None]).sum(axis=1)
    best = np.sum(b * weights) / weights.sum()
    return (n * np.log1p(-best * excess).mean() + 10 * 0.5) / (n + 10)


@pytest.mark.parametrize("samples", [30, 200, 5000])
@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4, 0.9])
def test_every_example_is_fitted_as_if_alone(samples, shape):
    draws = stats.genpareto.rvs(shape, size=(6, samples), random_state=0) + 1.0
    kept = np.log(np.sort(draws, axis=1)[:, -tail_length(samples) - 1 :])
    expected = [one_by_one(row) for row in kept]
    np.testing.assert_allclose(pareto_k(kept), expected, atol=1e-8)
    # Neither order nor scale of the weights matters.
    np.testing.assert_allclose(pareto_k(kept[:, ::-1] - 1000.0), expected, atol=1e-6)


# ArviZ rounds the length of the tail down: these are whole.
@pytest.mark.parametrize("samples", [40, 2500])
@pytest.mark.parametrize("shape", [-0.3, 0.6, 1.2])
def test_it_agrees_with_arviz(shape, samples):
    draws = stats.genpareto.rvs(shape, size=samples, random_state=0)
    kept = np.log(np.sort(draws)[-tail_length(samples) - 1 :])
    _, expected = array_stats.psislw(-np.log(draws))
    assert pareto_k(kept[None])[0] == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("shape", [-0.5, 0.1, 0.5, 0.8])
def test_known_shapes_are_found(shape):
    draws = stats.genpareto.rvs(shape, size=(50, 20_000), random_state=1)
    kept = np.log(np.sort(draws, axis=1)[:, -tail_length(20_000) - 1 :])
    assert pareto_k(kept).mean() == pytest.approx(shape, abs=0.05)


def test_maximum_likelihood_finds_about_the_same():
    draws = stats.genpareto.rvs(0.5, size=5000, random_state=2)
    kept = np.sort(draws)[-tail_length(5000) - 1 :]
    shape, _, _ = stats.genpareto.fit(kept[1:] - kept[0], floc=0.0)
    assert pareto_k(np.log(kept)[None])[0] == pytest.approx(shape, abs=0.05)


def test_tails_that_are_none():
    equal = np.full(20, -3.0)
    zeros = np.full(20, -np.inf)
    few = np.concatenate([np.full(16, -np.inf), [0.0, 1.0, 2.0, 3.0]])
    some = np.concatenate([np.full(10, -np.inf), np.log(np.arange(1.0, 11.0))])
    nan = np.full(20, np.nan)
    found = pareto_k(np.stack([equal, zeros, few, some, nan]))
    assert found[0] == 0.0
    assert np.isnan(found[[1, 2, 4]]).all()
    assert np.isfinite(found[3])
    assert np.isnan(pareto_k(np.zeros((2, 4)))).all()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"shape \(5,\); expected \(n, M \+ 1\)"):
        pareto_k(np.zeros(5))


def test_the_threshold_falls_for_few_samples():
    assert pareto_k_threshold(10_000) == 0.7
    assert pareto_k_threshold(100) == pytest.approx(0.5)
    assert pareto_k_threshold(1) == -np.inf
