"""f-divergences as objectives: gradients against quadrature, and a model that is fitted by them."""

import json

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import ops
from kelbo.distributions import Normal
from kelbo.divergences import f
from kelbo.estimators import ScoreFunction
from kelbo.latent import LatentProblem
from kelbo.objectives import AlphaDivergence, FDivergence

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

# z ~ N(0, 1), x ~ N(z, 0.9^2), with a factor that brings the evidence near 1, where f may have a
# kink: the exact posterior and the evidence are known.
X, NOISE, FACTOR = 0.5, 0.9, 4.0
EVIDENCE = FACTOR * stats.norm(0, np.hypot(1, NOISE)).pdf(X)
EXACT = stats.norm(X / (1 + NOISE**2), NOISE / np.hypot(1, NOISE))
START = {"loc": -0.2, "log_scale": np.log(1.3)}

FUNCTIONS = {
    "JensenShannon": lambda u: u * np.log(u) - (1 + u) * np.log((1 + u) / 2),
    "KLForward": lambda u: u * np.log(u),
    "SquaredHellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "TotalVariation": lambda u: abs(u - 1) / 2,
    "Pearson": lambda u: (u - 1) ** 2,
}
LEAVE_ONE_OUT = ScoreFunction("leave_one_out")


def by_quadrature(definition, scale, loc=START["loc"], log_scale=START["log_scale"]):
    """E_q[f(scale p(z | x) / q(z))]."""
    q, z = stats.norm(loc, np.exp(log_scale)), np.linspace(-9, 9, 40_001)
    values = definition(scale * np.exp(EXACT.logpdf(z) - q.logpdf(z))) * q.pdf(z)
    return np.sum(values) * (z[1] - z[0])


def gradient_by_quadrature(definition, scale, step=1e-3):
    def slope(name):
        above, below = (
            by_quadrature(definition, scale, **{name: START[name] + sign * step})
            for sign in (1, -1)
        )
        return (above - below) / (2 * step)

    return np.array([slope(name) for name in START])


def losses_and_gradients(objective, examples):
    """Of as many examples, each with a posterior of its own."""
    loc, log_scale = (
        keras.Variable(np.full(examples, start, "float32")) for start in START.values()
    )

    def posterior(stop=lambda x: x):
        return Normal(stop(loc.value), ops.exp(stop(log_scale.value)))

    def log_likelihood(z):
        return Normal(z, NOISE).log_prob(X) + float(np.log(FACTOR))

    def total(seed):
        prior = Normal(0.0, 1.0)
        problem = LatentProblem(
            observed=ops.full((examples, 1), X),
            posterior=posterior(),
            prior=prior,
            log_likelihood=log_likelihood,
            stopped_log_likelihood=log_likelihood,
            log_prior=prior.log_prob,
            stopped_log_posterior=lambda z: posterior(ops.stop_gradient).log_prob(z),
        )
        return ops.sum(objective.loss(objective.terms(problem, ops.SeedSequence(seed))))

    value, gradients = ops.compile(ops.value_and_grad(total, [loc, log_scale]), [loc, log_scale])(3)
    gradients = np.stack([ops.convert_to_numpy(g) for g in gradients]).astype("float64")
    return float(value) / examples, gradients.mean(1), gradients.std(1) / examples**0.5


@pytest.mark.parametrize(
    ("name", "estimator"),
    [
        ("JensenShannon", "pathwise"),
        ("JensenShannon", "doubly_reparameterized"),
        ("JensenShannon", LEAVE_ONE_OUT),
        ("KLForward", "doubly_reparameterized"),
        ("SquaredHellinger", "pathwise"),
        ("TotalVariation", "pathwise"),
        ("TotalVariation", "score_function"),
        ("Pearson", "doubly_reparameterized"),
        ("Pearson", "score_function"),
    ],
    ids=str,
)
@pytest.mark.few(3)
def test_gradients_without_normalization_are_unbiased(name, estimator):
    objective = FDivergence(getattr(f, name)(), 3, normalized=False, estimator=estimator)
    value, gradient, error = losses_and_gradients(objective, 60_000)
    exact = gradient_by_quadrature(FUNCTIONS[name], EVIDENCE)
    assert value == pytest.approx(by_quadrature(FUNCTIONS[name], EVIDENCE), rel=0.02)
    assert (np.abs(gradient - exact) < 4 * error).all()
    assert (error < 0.2 * np.abs(exact)).all()


@pytest.mark.parametrize(
    "estimator", ["pathwise", "doubly_reparameterized", LEAVE_ONE_OUT], ids=str
)
@pytest.mark.few(1)
def test_normalized_weights_measure_the_exact_posterior(estimator):
    objective = FDivergence(f.JensenShannon(), samples=500, estimator=estimator)
    value, gradient, error = losses_and_gradients(objective, 400)
    exact = gradient_by_quadrature(FUNCTIONS["JensenShannon"], 1.0)
    assert value == pytest.approx(by_quadrature(FUNCTIONS["JensenShannon"], 1.0), rel=0.05)
    np.testing.assert_allclose(gradient, exact, atol=0.02 + 4 * error.max())
    assert np.abs(exact).min() > 0.1


def test_the_alpha_divergence_is_amaris():
    given = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    names = ("log_likelihood", "log_prior", "log_posterior")
    terms = {n: ops.convert_to_tensor(value.T) for n, value in zip(names, given, strict=True)}
    weights = np.exp(given[0] + given[1] - given[2])
    ratios = weights / weights.mean(1, keepdims=True)
    for alpha in (-1.0, 0.5, 2.0):
        expected = (np.mean(ratios**alpha, 1) - 1) / (alpha * (alpha - 1))
        loss = ops.convert_to_numpy(AlphaDivergence(alpha, samples=6).loss(terms))
        np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)
    for alpha, limit in ((0.0, -np.log(ratios)), (1.0, ratios * np.log(ratios))):
        loss = ops.convert_to_numpy(AlphaDivergence(alpha, samples=6).loss(terms))
        np.testing.assert_allclose(loss, np.mean(limit, 1), rtol=1e-4)
    raw = AlphaDivergence(0.5, samples=6, normalized=False)
    expected = np.mean(2 * (np.sqrt(weights) - 1) ** 2, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(raw.loss(terms)), expected, rtol=1e-4)


def test_it_fits_the_posterior_alone_and_is_saved_with_the_model(
    make_vae, digits, weights, tmp_path
):
    objective = FDivergence(f.TotalVariation().tilted(-0.5), samples=4, estimator="pathwise")
    vae = make_vae()
    vae.objective = objective
    model, posterior = vae.likelihood.get_weights(), vae.posterior.get_weights()
    history = vae.fit(digits[:300], epochs=3, batch_size=50, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    for before, after in zip(model, vae.likelihood.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    pairs = zip(posterior, vae.posterior.get_weights(), strict=True)
    assert any((before != after).any() for before, after in pairs)
    assert history[-1] < 0.95 * history[0]
    vae.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert repr(again.objective) == repr(objective)
    np.testing.assert_array_equal(weights(again), weights(vae))


@pytest.mark.parametrize(
    "objective",
    [
        FDivergence(f.ModifiedGAN().dual(), 7, normalized=False),
        FDivergence(f.TotalVariation()),
        AlphaDivergence(0.3, estimator=LEAVE_ONE_OUT),
    ],
    ids=repr,
)
def test_round_trip(objective):
    text = json.dumps(keras.saving.serialize_keras_object(objective))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(objective)
    assert repr(again) == repr(objective)
    assert again.get_config() == objective.get_config()


def test_names_of_both_classes_lead_back_to_them():
    for cls in (FDivergence, AlphaDivergence, kb.divergences.FDivergence):
        assert keras.saving.get_registered_object(keras.saving.get_registered_name(cls)) is cls


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"^FDivergence: f must be a function of .* got 'kl'"):
        FDivergence("kl")
    with pytest.raises(ValueError, match=r"^AlphaDivergence: .* samples=2 or more"):
        AlphaDivergence(0.5, samples=1)
    with pytest.raises(ValueError, match=r"^AlphaDivergence: alpha must be a finite number"):
        AlphaDivergence(float("inf"))
    for kinked in (f.TotalVariation(), f.Log1pAbs().dual()):
        with pytest.raises(ValueError, match=r'kink: take "score_function"'):
            FDivergence(kinked, estimator="doubly_reparameterized")
    assert FDivergence(f.Pearson(), samples=1, normalized=False).samples == 1
