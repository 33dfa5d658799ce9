"""The streamed mean of importance weights against the plain one."""

import keras
import numpy as np
import pytest
from scipy import special

import kelbo as kb
from kelbo import ops
from kelbo.models.importance import log_mean_weight

pytestmark = pytest.mark.core


@pytest.mark.parametrize("samples", [1, 20, 33, 200])
def test_every_weight_counts_once(samples):
    seen = []

    def log_weights(count, seeds):
        weights = 30.0 * keras.random.normal((count, 3), seed=seeds)
        seen.append(weights)
        return weights

    if keras.backend.backend() == "torch":  # runs the loop as it stands, so the weights can be seen
        found = ops.convert_to_numpy(log_mean_weight(log_weights, samples, 3, ops.SeedSequence(0)))
        drawn = np.concatenate([ops.convert_to_numpy(w) for w in seen])[:samples]
        expected = special.logsumexp(drawn, axis=0) - np.log(samples)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    constant = log_mean_weight(
        lambda count, seeds: ops.full((count, 3), -500.0), samples, 3, ops.SeedSequence(0)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(constant), -500.0, rtol=1e-6)


def test_no_weight_at_all_is_minus_infinity():
    nothing = log_mean_weight(
        lambda count, seeds: ops.full((count, 2), -float("inf")), 50, 2, ops.SeedSequence(0)
    )
    assert np.isneginf(ops.convert_to_numpy(nothing)).all()


def _terms_of_all_kinds():
    """Objectives whose terms are made in different places."""
    from kelbo import objectives as ko
    from kelbo.schedules import LinearWarmUp

    yield ko.ELBO()
    yield ko.BetaELBO(LinearWarmUp(10))
    yield ko.ELBO(2, "monte_carlo", "score_function")
    yield ko.FDivergence(kb.divergences.f.JensenShannon(), 2)
    yield ko.WassersteinMMD()


@pytest.mark.slow
def test_a_vae_in_float64(float64):
    x = np.random.default_rng(0).normal(size=(12, 3))
    likelihood = kb.layers.ConditionalNormal((3,), dtype="float64")
    posterior = kb.layers.ConditionalNormal((2,), dtype="float64")
    vae = kb.models.VAE(kb.distributions.Normal.standard((2,)), likelihood, posterior, seed=0)
    vae.compile("adam")
    for objective in _terms_of_all_kinds():
        vae.objective = objective
        assert np.isfinite(vae.fit(x, epochs=1, verbose=0).history["loss"]).all()
    for verb in (vae.reconstruct, lambda x: vae.log_likelihood(x, samples=3)):
        assert verb(x).dtype == "float64"
        assert 0 < np.abs(verb(x + 1e-9) - verb(x)).max() < 1e-5
