"""Draws: their shapes, their law, their seeds, and the gradients that flow through them."""

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import ContinuousBernoulli, MultivariateNormal, Normal

from .table import ONE_OF_EACH

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

DRAWS = 4000
# Of some hundred tests at fixed seeds none should fall below.
SIGNIFICANCE = 1e-5


BINS = 20


def assert_masses(entries, reference, shape):
    """A chi-square test of each column of draws against the reference's masses."""
    every = np.unique(entries)
    masses = np.exp(reference.log_prob(every.reshape(-1, *[1] * len(shape))))
    masses = np.broadcast_to(masses, (len(every), *shape)).reshape(len(every), -1)
    for column, mass in zip(entries.T, masses.T, strict=True):
        counts = np.array([(column == value).sum() for value in every])
        assert counts[mass == 0].sum() == 0
        common = mass * DRAWS >= 5  # the rare values, and those that were not drawn, as one
        observed = np.append(counts[common], counts[~common].sum())
        expected = np.append(mass[common], max(1.0 - mass[common].sum(), 0.0)) * DRAWS
        kept = expected > 1e-3
        assert observed[~kept].sum() == 0
        if kept.sum() > 1:
            expected = expected[kept] * observed[kept].sum() / expected[kept].sum()
            assert stats.chisquare(observed[kept], expected).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.name)
@pytest.mark.few(10)
def test_draws_follow_the_distribution(case):
    def draw_and_score(seed):
        d = case.make()
        x = d.sample((DRAWS // 2, 2), seed=ops.SeedSequence(seed))
        return x, d.log_prob(x), d.log_prob(x[0, 0])

    x, scores, one = (ops.convert_to_numpy(t) for t in ops.compile(draw_and_score)(1))
    d, reference = case.make(validate=False), case.reference(**case.parameters)
    value_shape = case.batch_shape + case.event_shape
    assert x.shape == (DRAWS // 2, 2, *value_shape)
    assert scores.shape == (DRAWS // 2, 2, *case.batch_shape)
    assert one.shape == case.batch_shape
    np.testing.assert_allclose(scores[0, 0], one, rtol=1e-5, atol=1e-5)
    x = x.reshape(DRAWS, *value_shape).astype("float64")
    expected = reference.log_prob(x[:10])
    near = np.abs(expected) * 1e-4 + 1e-3  # log densities of float32 draws, scales down to 1e-3
    assert (np.abs(scores.reshape(DRAWS, *case.batch_shape)[:10] - expected) < near).all()
    assert ops.convert_to_numpy(ops.all(d.support.contains(x.astype("float32"))))

    entries = x.reshape(DRAWS, -1)
    has_moments = not {"mean", "variance"} & set(case.missing) and not case.is_circular
    if has_moments:
        mean, variance = (
            np.broadcast_to(f(), value_shape) for f in (reference.mean, reference.variance)
        )
        has_moments = np.isfinite(mean).all() and np.isfinite(variance).all()
    if has_moments:
        error = np.sqrt(variance / DRAWS) + 1e-6
        assert (np.abs(x.mean(0) - mean) < 5 * error).all()
    if d.support.is_discrete:
        if not case.event_shape:
            assert_masses(entries, reference, value_shape)
        return
    if has_moments:
        squares = (x - mean) ** 2
        error = 5 * squares.std(0) / np.sqrt(DRAWS) + 1e-6
        assert (np.abs(squares.mean(0) - variance) < error).all()
    if "quantile" not in case.missing:
        shares = np.arange(1, BINS).reshape(-1, *[1] * len(case.batch_shape)) / BINS
        edges = np.broadcast_to(reference.quantile(shares), (BINS - 1, *value_shape))
        for column, inner in zip(entries.T, edges.reshape(BINS - 1, -1).T, strict=True):
            counts = np.bincount(np.searchsorted(inner, column), minlength=BINS)
            assert stats.chisquare(counts).pvalue > SIGNIFICANCE
    elif isinstance(d, MultivariateNormal):
        # Whitened by the reference, the draws are standard normal and uncorrelated.
        factor = np.linalg.cholesky(reference.covariance)
        z = np.linalg.solve(factor, (x - reference.loc)[..., None])[..., 0]
        for column in z.reshape(DRAWS, -1).T:
            assert stats.kstest(column, "norm").pvalue > SIGNIFICANCE
        correlation = np.einsum("n...i,n...j->...ij", z, z) / DRAWS
        assert np.abs(correlation - np.eye(z.shape[-1])).max() < 5 * np.sqrt(2 / DRAWS)


@pytest.mark.parametrize("sample_shape", [(), 3, (3,), [2, 1], np.int64(4), (np.int32(2), 3)])
@pytest.mark.few(2)
def test_sample_shape_is_a_number_or_a_sequence(sample_shape):
    d = Normal([0.0, 1.0], 1.0)
    leading = tuple(np.atleast_1d(sample_shape).astype(int)) if np.size(sample_shape) else ()
    assert tuple(d.sample(sample_shape, seed=0).shape) == (*leading, 2)


@pytest.mark.parametrize(
    "d",
    [Normal(0.0, 1.0), ContinuousBernoulli(logits=1.0)],
    ids=lambda d: type(d).__name__,
)
@pytest.mark.few(1)
def test_equal_seeds_give_equal_draws(d):
    def draw(seed):
        return ops.convert_to_numpy(d.sample((40,), seed=seed))

    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()
    generators = [keras.random.SeedGenerator(5) for _ in range(2)]
    first, second = (draw(generator) for generator in generators)
    np.testing.assert_array_equal(first, second)
    assert (draw(generators[0]) != first).any()  # a generator goes on
    keras.utils.set_random_seed(7)
    unseeded = draw(None)
    assert (draw(None) != unseeded).any()
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(draw(None), unseeded)
