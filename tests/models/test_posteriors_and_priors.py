"""Every posterior and every prior in one model: trained, saved, loaded, judged alike."""

import keras
import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops
from kelbo.latent import KL

pytestmark = pytest.mark.core

LATENT = 4

POSTERIORS = {
    "diagonal": lambda network: kl.ConditionalNormal((LATENT,), network),
    "full covariance": lambda network: kl.ConditionalMultivariateNormalTriL((LATENT,), network),
    "low rank": lambda network: kl.ConditionalMultivariateNormalLowRank((LATENT,), network, rank=2),
    "autoregressive": lambda network: kl.ConditionalAutoregressiveNormal(
        (LATENT,), network, blocks=(1, 3), hidden=(16,)
    ),
    "mixture": lambda network: kl.ConditionalMixture(
        kl.ConditionalNormal((LATENT,)), network, components=3
    ),
    "flow": lambda network: kl.Flow(
        kl.ConditionalNormal((LATENT,)), [kl.PlanarFlow((LATENT,)) for _ in range(2)], network
    ),
}
PRIORS = {
    "standard normal": lambda x: kd.Normal.standard((LATENT,)),
    "learned normal": lambda x: kl.LearnedNormal((LATENT,)),
    "learned mixture": lambda x: kl.LearnedMixture((LATENT,), components=5),
    "vamp": lambda x: kl.VampPrior((LATENT,), pseudo_inputs=6, bounds=(0.0, 1.0)),
    "vamp of means": lambda x: kl.VampPrior((LATENT,), pseudo_inputs=6, initial=x.mean(axis=0)),
    "flow": lambda x: kl.Flow(
        kd.Normal.standard((LATENT,)), [kl.MaskedAutoregressive((LATENT,), hidden=(8,))]
    ),
}
# Each posterior and each prior once.
PAIRS = [
    ("autoregressive", "vamp"),
    ("full covariance", "learned mixture"),
    ("diagonal", "learned normal"),
    ("low rank", "vamp of means"),
    ("mixture", "standard normal"),
    ("flow", "flow"),
]
SPHERE = ("directions", "sphere")


def make(posterior, prior, x, objective):
    keras.utils.set_random_seed(3)

    def network():
        return keras.Sequential([keras.layers.Dense(16, "relu")])

    if (posterior, prior) == SPHERE:
        parts = {
            "posterior": kl.ConditionalVonMisesFisher((LATENT,), network()),
            "prior": kd.SphericalUniform(LATENT),
        }
    else:
        parts = {"posterior": POSTERIORS[posterior](network()), "prior": PRIORS[prior](x)}
    likelihood = kl.ConditionalContinuousBernoulli((64,), network())
    model = kb.models.VAE(likelihood=likelihood, **parts, objective=objective, seed=1)
    model.compile(keras.optimizers.Adam(5e-3))
    return model


def objectives_of(posterior):
    if posterior == "mixture":
        return [
            ko.ELBO(samples=2, kl="monte_carlo", estimator="score_function"),
            ko.IWELBO(samples=3, estimator="vimco"),
        ]
    return [ko.ELBO(kl="monte_carlo"), ko.IWELBO(samples=3, estimator="doubly_reparameterized")]


def test_all_are_there():
    assert {posterior for posterior, _ in PAIRS} == set(POSTERIORS)
    assert {prior for _, prior in PAIRS} == set(PRIORS)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [*PAIRS, SPHERE],
    ids=lambda name: name,
)
@pytest.mark.slow
def test_trained_saved_and_loaded(posterior, prior, digits, tmp_path):
    x = digits[:300]
    first, second = objectives_of(posterior)
    model = make(posterior, prior, x, first)
    model.build((None, 64))
    layers = [model.posterior, model.likelihood]
    if isinstance(model.prior, keras.layers.Layer):
        layers.append(model.prior)
    before = [[np.array(w) for w in layer.get_weights()] for layer in layers]
    losses = model.fit(x, epochs=5, batch_size=100, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.5
    for layer, weights in zip(layers, before, strict=True):
        assert weights
        for now, then in zip(layer.get_weights(), weights, strict=True):
            assert np.isfinite(now).all()
            assert np.abs(now - then).max() > 1e-5
    model.objective = second
    assert np.isfinite(model.fit(x, epochs=1, batch_size=100, verbose=0).history["loss"]).all()

    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    for part in ("posterior", "likelihood", "prior"):
        counts = [len(getattr(getattr(one, part), "weights", ())) for one in (model, loaded)]
        assert counts[0] == counts[1]
    scores = [one.log_likelihood(x[:20], samples=10) for one in (model, loaded)]
    assert np.isfinite(scores[0]).all()
    np.testing.assert_array_equal(*scores)
    draws = [one.sample(5, seed=2) for one in (model, loaded)]
    assert draws[0].shape == (5, 64)
    np.testing.assert_array_equal(*draws)


def test_a_vamp_prior_shares_the_posterior_of_the_model(digits, tmp_path):
    model = make("diagonal", "vamp of means", digits, ko.ELBO(kl="monte_carlo"))
    model.build((None, 64))
    assert len(model.prior.weights) == 1
    names = [variable.path for variable in model.trainable_variables]
    assert len(names) == len(set(names)) == 11
    z = np.random.default_rng(0).normal(size=(3, LATENT)).astype("float32")

    def by_hand(model):
        inputs = model.prior.pseudo_inputs
        each = model.posterior.given(inputs).log_prob(z[:, None])
        return ops.convert_to_numpy(ops.logsumexp(each, axis=1) - np.log(6.0))

    def of_prior(model):
        return ops.convert_to_numpy(model.prior.given(model.posterior).log_prob(z))

    np.testing.assert_allclose(of_prior(model), by_hand(model), rtol=1e-5)
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras", compile=False)
    # What changes the posterior changes the prior, also after loading.
    head = loaded.posterior.heads["loc"]
    head.set_weights([weight + 0.3 for weight in head.get_weights()])
    assert np.abs(of_prior(loaded) - of_prior(model)).min() > 1e-3
    np.testing.assert_allclose(of_prior(loaded), by_hand(loaded), rtol=1e-5)


STOPPED = {
    "learned normal": lambda x: kl.LearnedNormal((LATENT,)),
    "vamp": lambda x: kl.VampPrior((LATENT,), pseudo_inputs=3, initial=x[:3]),
}


@pytest.mark.parametrize("prior", STOPPED)
@pytest.mark.few(1)
def test_an_objective_of_the_posterior_alone_leaves_the_prior(prior, digits):
    model = make("diagonal", prior, digits, ko.ChiUpperBound(samples=2))
    model.build((None, 64))
    parts = [model.prior, model.likelihood, model.posterior]
    before = [[np.array(w) for w in part.get_weights()] for part in parts]
    model.fit(digits[:100], epochs=1, batch_size=100, verbose=0)
    changes = [
        max(np.abs(now - then).max() for now, then in zip(part.get_weights(), weights, strict=True))
        for part, weights in zip(parts, before, strict=True)
    ]
    assert changes[0] == changes[1] == 0
    assert changes[2] > 0


def test_the_divergence_from_a_learned_normal_is_known(digits):
    model = make("diagonal", "learned normal", digits, ko.ELBO())
    assert np.isfinite(model.evaluate(digits[:50], verbose=0, return_dict=True)["loss"])


def test_a_mixture_says_which_estimators_there_are(digits):
    with pytest.raises(ValueError, match=r'"pathwise" .* not reparameterised.* "score_function"'):
        make("mixture", "standard normal", digits, ko.ELBO(kl="monte_carlo"))
    with pytest.raises(ValueError, match=r'in closed form.*ELBO\(kl="monte_carlo"\)'):
        make("diagonal", "vamp", digits, ko.ELBO())


def test_the_prior_of_directions_has_a_closed_divergence(digits):
    model = make(*SPHERE, digits, ko.ELBO())
    assert KL in model.objective.uses


def test_a_conditional_is_no_prior_of_data_without_a_context(make_vae):
    with pytest.raises(
        ValueError, match='a ConditionalNormal, but the data have no part "context"'
    ):
        make_vae(prior=kl.ConditionalNormal((2,)))
    with pytest.raises(TypeError, match=r"prior must be a distribution, or .* got a Dense"):
        make_vae(prior=keras.layers.Dense(2))
