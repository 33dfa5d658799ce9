"""Flows at work: density estimation, and as prior, posterior and likelihood of a VAE."""

import keras
import numpy as np
import pytest
from sklearn.datasets import make_moons

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def moons():
    x = make_moons(1000, noise=0.07, random_state=0)[0]
    return ((x - [0.5, 0.25]) / [0.87, 0.5]).astype("float32")


def network():
    return keras.Sequential([keras.layers.Dense(32, "relu")])


FLOWS = {
    "spline": lambda: [
        kl.SplineCoupling((2,), network(), mask=("first", "last")[i % 2]) for i in range(3)
    ],
    "maf": lambda: [
        kl.MaskedAutoregressive((2,), hidden=(32,)),
        kl.Permutation((2,)),
        kl.MaskedAutoregressive((2,), hidden=(32,)),
    ],
}


def estimator(name, seed=0):
    keras.utils.set_random_seed(seed)
    flow = kl.Flow(kd.Normal.standard((2,)), FLOWS[name]())
    model = kb.models.DensityEstimator(flow, seed=1)
    model.compile(keras.optimizers.Adam(5e-3))
    return model


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.slow
def test_two_moons(name, moons, tmp_path):
    model = estimator(name)
    history = model.fit(moons, epochs=15, batch_size=100, verbose=0)
    loss = model.evaluate(moons, batch_size=500, verbose=0, return_dict=True)["loss"]
    # The best normal has 2.8 nats; the true density about 1.6.
    assert loss < 2.45
    assert history.history["loss"][-1] < history.history["loss"][0]
    log_prob = model.log_prob(moons)
    assert (log_prob.shape, log_prob.dtype) == ((1000,), np.float32)
    assert loss == pytest.approx(-log_prob.mean(), abs=1e-3)
    np.testing.assert_allclose(model.predict(moons, verbose=0), log_prob, atol=1e-3)
    np.testing.assert_allclose(model.log_prob(moons, batch_size=333), log_prob, atol=1e-3)

    draws = model.sample(1000, seed=3)
    assert draws.shape == (1000, 2)
    np.testing.assert_array_equal(draws, model.sample(1000, seed=3))
    assert not np.array_equal(draws, model.sample(1000, seed=4))
    # Draws are as likely as data are, up to noise: they come from the density that was fitted.
    assert -model.log_prob(draws).mean() == pytest.approx(loss, abs=0.25)
    np.testing.assert_allclose(draws.mean(axis=0), moons.mean(axis=0), atol=0.15)

    model.save(tmp_path / "moons.keras")
    loaded = keras.saving.load_model(tmp_path / "moons.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.sample(10, seed=3), model.sample(10, seed=3))
    np.testing.assert_array_equal(loaded.log_prob(moons[:10]), model.log_prob(moons[:10]))
    for one in (model, loaded):
        one.fit(moons, epochs=1, batch_size=100, verbose=0)
    np.testing.assert_allclose(loaded.log_prob(moons), model.log_prob(moons), atol=1e-3)


def test_weights_of_examples_count(moons):
    model = estimator("maf")
    weights = np.linspace(0, 2, 1000).astype("float32")
    log_prob = model.log_prob(moons)
    found = model.evaluate(moons, sample_weight=weights, batch_size=1000, verbose=0)
    assert found == pytest.approx(-(weights * log_prob).mean(), rel=1e-4)


def test_what_a_density_estimator_refuses(moons):
    with pytest.raises(TypeError, match=r"fits a layers\.Flow, got a Independent"):
        kb.models.DensityEstimator(kd.Normal.standard((2,)))
    model = estimator("maf")
    with pytest.raises(ValueError, match=r"examples have the shape \(3,\) but the flow is over"):
        model.build((None, 3))
    with pytest.raises(ValueError, match=r"x has the shape \(1000, 1\); expected \(n, 2\)"):
        model.log_prob(moons[:, :1])


def flow_weights(flow):
    return [np.array(w) for layer in flow.bijectors for w in layer.get_weights()]


POSTERIORS = {
    "iaf": lambda: [
        kl.InverseAutoregressive((2,), hidden=(16,)),
        kl.Permutation((2,)),
        kl.InverseAutoregressive((2,), hidden=(16,)),
    ],
    "planar": lambda: [kl.PlanarFlow((2,)) for _ in range(3)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTERIORS)
def test_as_posterior(name, make_vae, digits, tmp_path):
    model = make_vae(
        posterior=lambda shape, network: kl.Flow(
            kl.ConditionalNormal(shape), POSTERIORS[name](), network
        ),
        objective=ko.ELBO(kl="monte_carlo"),
    )
    before = flow_weights(model.posterior)
    history = model.fit(digits, epochs=4, batch_size=100, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 2
    assert before
    for a, b in zip(flow_weights(model.posterior), before, strict=True):
        assert np.abs(a - b).max() > 1e-4
    z = model.encode(digits[:50])
    assert z.batch_shape == (50,)
    assert z.sample((3,), seed=0).shape == (3, 50, 2)
    assert model.reconstruct(digits[:5]).shape == (5, 64)
    bound = -model.evaluate(digits[:200], batch_size=200, verbose=0, return_dict=True)["loss"]
    assert model.log_likelihood(digits[:200], samples=50).mean() > bound
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    np.testing.assert_array_equal(
        loaded.log_likelihood(digits[:5], 10), model.log_likelihood(digits[:5], 10)
    )


@pytest.mark.slow
def test_what_is_encoded_by_a_flow_is_one_distribution(make_vae, digits):
    vae = make_vae(
        posterior=lambda shape, network: kl.Flow(
            kl.ConditionalNormal(shape),
            [kl.AffineCoupling(shape), kl.BlockAutoregressiveFlow(shape, hidden=(4,))],
            network,
        ),
        objective=ko.ELBO(kl="monte_carlo"),
    )
    whole, parts = (vae.encode(digits[:5], batch_size=size) for size in (8, 2))
    assert parts[3:].batch_shape == (2,)

    def densities(whole, parts, x):
        z = whole.sample(seed=0)
        given = vae.posterior.given(x)
        return [d.log_prob(z) for d in (whole, parts, given)], [
            d[3:].log_prob(z[3:]) for d in (whole, parts)
        ]

    run = kb.ops.compile(densities, vae.variables)
    (expected, *others), some = keras.tree.map_structure(
        kb.ops.convert_to_numpy, run(whole, parts, digits[:5])
    )
    for one in (*others, *(np.concatenate([expected[:3], end]) for end in some)):
        np.testing.assert_allclose(one, expected, rtol=1e-4)


@pytest.mark.slow
def test_as_prior_that_trains(make_vae, digits, tmp_path):
    prior = kl.Flow(kd.Normal.standard((2,)), FLOWS["maf"]())
    model = make_vae(prior=prior, objective=ko.ELBO(kl="monte_carlo"))
    before = flow_weights(prior)
    model.fit(digits, epochs=2, batch_size=100, verbose=0)
    assert before
    after = prior.get_weights()
    changed = [np.abs(a - b).max() > 1e-4 for a, b in zip(after, before, strict=True)]
    assert all(changed)
    draws = model.sample(5, seed=1)
    assert draws.shape == (5, 64)
    np.testing.assert_array_equal(draws, model.sample(5, seed=1))
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    for a, b in zip(loaded.prior.get_weights(), after, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(loaded.sample(5, seed=1), draws)
    np.testing.assert_array_equal(
        loaded.log_likelihood(digits[:5], 10), model.log_likelihood(digits[:5], 10)
    )


@pytest.mark.slow
def test_as_likelihood(moons):
    keras.utils.set_random_seed(0)
    likelihood = kl.Flow(
        kl.ConditionalNormal((2,)), [kl.MaskedAutoregressive((2,), hidden=(16,))], network()
    )
    model = kb.models.VAE(
        prior=kd.Normal.standard((1,)),
        likelihood=likelihood,
        posterior=kl.ConditionalNormal((1,), network()),
        objective=ko.ELBO(samples=2),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(5e-3))
    history = model.fit(moons, epochs=5, batch_size=100, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.decode(np.zeros((4, 1), "float32")).sample(seed=0).shape == (4, 2)
    assert model.sample(6, seed=0, mean=False).shape == (6, 2)
    means = model.sample(6, seed=0)
    assert means.shape == model.reconstruct(moons[:6]).shape == (6, 2)
    np.testing.assert_array_equal(means, model.sample(6, seed=0))


def test_no_closed_divergence_says_what_to_do(make_vae):
    with pytest.raises(ValueError, match="monte_carlo"):
        make_vae(prior=kl.Flow(kd.Normal.standard((2,)), FLOWS["maf"]()))


def test_a_prior_that_needs_a_context(make_vae):
    with pytest.raises(ValueError, match="needs one"):
        make_vae(
            prior=kl.Flow(kl.ConditionalNormal((2,)), [kl.PlanarFlow((2,))]),
            objective=ko.ELBO(kl="monte_carlo"),
        )
