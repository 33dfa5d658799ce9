"""Importance sampling against the exact evidence, and its diagnostics against their definitions."""

import numpy as np
import pytest
from scipy import stats

from kelbo import evaluation, ops
from kelbo.evaluation.latent_model import LatentModel

pytestmark = pytest.mark.core


def all_weights(model, samples, seed=0):
    """Every log weight that `importance_log_likelihood` sees, of shape (samples, n)."""
    latent = LatentModel("test", model.vae)

    def draw(x, seed, index):
        seeds = ops.SeedSequence(seed).fold_in(index)
        weights = latent.log_weights(latent.observed(x, seeds))
        return ops.concatenate(
            [weights(40, seeds.fold_in(i + 1)) for i in range(-(-samples // 40))]
        )

    found = ops.compile(draw, model.vae.variables)(model.x, seed, 0)
    return ops.convert_to_numpy(found)[:samples].astype("float64")


def test_the_exact_posterior_has_no_error(linear_gaussian):
    model = linear_gaussian()
    found = evaluation.importance_log_likelihood(model.vae, model.x, samples=200)
    np.testing.assert_allclose(found.log_likelihood, model.evidence, atol=1e-4)
    np.testing.assert_allclose(found.standard_error, 0.0, atol=1e-4)
    np.testing.assert_allclose(found.effective_sample_size, 200.0, rtol=1e-4)
    assert not found.warnings
    assert found.mean == pytest.approx(model.evidence.mean(), abs=1e-4)


@pytest.mark.slow
def test_statistics_are_those_of_all_weights(linear_gaussian):
    model = linear_gaussian(n=16, shift=0.5, widen=1.2)
    samples = 330
    weights = all_weights(model, samples)
    found = evaluation.importance_log_likelihood(model.vae, model.x, samples, batch_size=16)
    relative = np.exp(weights - weights.max(0))
    np.testing.assert_allclose(
        found.log_likelihood, np.log(relative.mean(0)) + weights.max(0), rtol=1e-4, atol=1e-5
    )
    size = relative.sum(0) ** 2 / (relative**2).sum(0)
    np.testing.assert_allclose(found.effective_sample_size, size, rtol=1e-3)
    error = relative.std(0, ddof=1) / np.sqrt(samples) / relative.mean(0)
    np.testing.assert_allclose(found.standard_error, error, rtol=1e-3)
    tail = np.sort(weights, axis=0)[-(int(np.ceil(3 * np.sqrt(samples))) + 1) :]
    np.testing.assert_allclose(found.pareto_k, evaluation.pareto_k(tail.T), atol=5e-3)
    expected = model.vae.log_likelihood(model.x, samples, batch_size=16)
    np.testing.assert_allclose(found.log_likelihood, expected, atol=1e-4)


def test_the_standard_error_is_that_of_repetitions(linear_gaussian):
    model = linear_gaussian(n=400, shift=0.2, widen=1.1)
    found = evaluation.importance_log_likelihood(model.vae, model.x, 400, batch_size=400)
    z = (found.log_likelihood - model.evidence) / found.standard_error
    assert abs(z.mean()) < 4 / 20
    assert 0.85 < z.std() < 1.15
    assert stats.kstest(z, "norm").pvalue > 1e-4
    overall = (found.mean - model.evidence.mean()) / found.mean_standard_error
    assert abs(overall) < 4


def test_a_posterior_that_is_too_narrow_is_called_unreliable(linear_gaussian):
    model = linear_gaussian(n=20, widen=0.3, shift=1.0)
    found = evaluation.importance_log_likelihood(model.vae, model.x, 1000)
    assert found.unreliable.mean() > 0.7
    assert "Pareto k-hat" in found.warnings[0]
    assert "warning: Pareto k-hat" in str(found)
    wide = linear_gaussian(n=20, widen=1.3)
    assert not evaluation.importance_log_likelihood(wide.vae, wide.x, 1000).unreliable.any()


def test_one_sample_has_no_known_error(linear_gaussian):
    model = linear_gaussian(n=3)
    found = evaluation.importance_log_likelihood(model.vae, model.x, 1)
    assert np.isinf(found.standard_error).all()
    assert np.isnan(found.pareto_k).all()
    assert found.unreliable.all()
    assert "inf" in str(found)


def test_examples_outside_of_the_support(make_vae, digits):
    x = digits[:4].copy()
    x[2, 5] = 1.5
    found = evaluation.importance_log_likelihood(make_vae(), x, 50)
    assert np.isneginf(found.log_likelihood[2])
    assert found.effective_sample_size[2] == 0
    assert np.isfinite(found.log_likelihood[[0, 1, 3]]).all()
    assert np.isfinite(found.standard_error[[0, 1, 3]]).all()


def test_discrete_latents_are_fine(bernoulli_latents):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    found = evaluation.importance_log_likelihood(bernoulli_latents, x, 2000)
    codes = np.array([[a, b] for a in (0, 1) for b in (0, 1)], "float32")
    likelihood = bernoulli_latents.likelihood.given(codes[:, None] + np.zeros((1, 5, 1), "float32"))
    exact = np.log(np.mean(np.exp(ops.convert_to_numpy(likelihood.log_prob(x))), axis=0))
    assert (np.abs(found.log_likelihood - exact) < 5 * found.standard_error + 1e-4).all()


def test_what_is_asked_for_is_checked(linear_gaussian):
    model = linear_gaussian(n=3)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got 0"):
        evaluation.importance_log_likelihood(model.vae, model.x, 0)
    with pytest.raises(ValueError, match=r"x has the shape \(3, 2\); expected \(n, 3\)"):
        evaluation.importance_log_likelihood(model.vae, model.x[:, :2])
    with pytest.raises(TypeError, match=r"judges a models\.VAE, .* got a Normal"):
        evaluation.importance_log_likelihood(model.vae.prior.distribution, model.x)
