"""Models that compute in float64, whole or in a part."""

import numpy as np
import pytest

import kelbo as kb

pytestmark = pytest.mark.core


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


def flow_of(base, layer, **kwargs):
    return kb.layers.Flow(base, [kb.layers.MaskedAutoregressive((2,), dtype=layer)], **kwargs)


FLOAT64 = {  # a part is in float64, others are not
    "the flow": lambda: flow_of(kb.distributions.Normal.standard((2,)), None, dtype="float64"),
    "a layer of it": lambda: flow_of(kb.distributions.Normal.standard((2,)), "float64"),
    "its base": lambda: flow_of(kb.layers.ConditionalNormal((2,), dtype="float64"), None),
    "the component of a mixture": lambda: kb.layers.ConditionalMixture(
        kb.layers.ConditionalNormal((2,), dtype="float64"), components=2
    ),
}


@pytest.mark.core
@pytest.mark.slow
@pytest.mark.parametrize("part", FLOAT64)
def test_what_has_a_part_in_float64_computes_in_it(part, float64):
    model = kb.models.ConditionalDensity(FLOAT64[part](), seed=0)
    x = np.full((1, 2), 0.5)
    model.build((None, 2))
    near, far = (model.log_prob(x, x + change) for change in (0.0, 1e-10))
    assert near.dtype == "float64"
    assert near != far
    assert model.sample(x, seed=0).dtype == "float64"


@pytest.mark.core
@pytest.mark.slow
def test_a_vamp_prior_in_float64(float64):
    model = kb.models.VAE(
        kb.layers.VampPrior((2,), 3, dtype="float64"),
        kb.layers.ConditionalNormal((3,), dtype="float64"),
        kb.layers.ConditionalNormal((2,), dtype="float64"),
        kb.objectives.ELBO(kl="monte_carlo"),
        seed=0,
    )
    model.compile("adam")
    x = np.random.default_rng(0).normal(size=(8, 3))
    model.fit(x, verbose=0)
    assert model.log_likelihood(x, samples=3).dtype == "float64"
