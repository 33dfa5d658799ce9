"""Annealed importance sampling, forwards and backwards, against exact evidences."""

import keras
import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

import kelbo as kb
from kelbo import distributions as kd
from kelbo import evaluation, ops
from kelbo import layers as kl
from kelbo.evaluation import annealing
from kelbo.evaluation.annealed_path import Path, temperatures, transition
from kelbo.evaluation.latent_model import LatentModel


def test_temperatures_rise_from_0_to_1():
    for steps in (1, 2, 17, 1000):
        found = temperatures(steps)
        assert len(found) == steps + 1
        assert found[0] == 0.0
        assert found[-1] == 1.0
        assert (np.diff(found) > 0).all()
    # Dense at both ends, and symmetric.
    assert np.diff(found)[0] < 0.2 * np.diff(found)[500]
    np.testing.assert_allclose(found, 1.0 - found[::-1], atol=1e-12)


@pytest.mark.parametrize("start", ["prior", "posterior"])
@pytest.mark.slow
def test_it_finds_the_evidence(linear_gaussian, start):
    # A posterior this bad makes plain importance sampling fail.
    model = linear_gaussian(n=32, shift=1.5, widen=1.5)
    found = evaluation.annealed_importance_sampling(
        model.vae, model.x, steps=40, chains=8, start=start, leapfrog_steps=3
    )
    assert found.log_weights.shape == (32, 8)
    assert abs(found.mean - model.evidence.mean()) < 4 * found.mean_standard_error + 0.03
    assert found.mean_standard_error < 0.1
    assert 0.5 < found.acceptance.mean() < 0.8
    assert np.mean(np.square(found.log_likelihood - model.evidence)) < 0.3


def test_the_transition_leaves_its_density_as_it_is(linear_gaussian):
    """Draws from the exact density at a temperature stay draws from it."""
    model = linear_gaussian(n=1, weight=1.5)
    latent = LatentModel("test", model.vae)
    beta, chains = 0.3, 20_000
    # At a temperature, the posterior of a linear-Gaussian model is that of x with more noise.
    w = np.asarray(model.vae.likelihood.heads["loc"].get_weights()[0], "float64")
    b = np.asarray(model.vae.likelihood.heads["loc"].get_weights()[1], "float64")
    covariance = np.linalg.inv(np.eye(2) + beta * w @ w.T / 0.7**2)
    mean = covariance @ w @ (model.x[0] - b) * beta / 0.7**2
    generator = np.random.default_rng(0)
    z = generator.multivariate_normal(mean, covariance, (chains, 1)).astype("float32")

    def run(z, x, seed):
        path = Path(latent.problem(x), from_prior=True)
        sizes = 0.8 * ops.ones((1,))
        seeds = ops.SeedSequence(seed)
        return transition(path.at, path.at(z), beta, sizes, 3, seeds)

    point, probability = ops.compile(run, model.vae.variables)(z, model.x, 0)
    after = ops.convert_to_numpy(point["u"])[:, 0]
    accepted = ops.convert_to_numpy(probability).mean()
    assert 0.3 < accepted < 0.95
    assert np.corrcoef(after[:, 0], z[:, 0, 0])[0, 1] < 0.9
    np.testing.assert_allclose(after.mean(0), mean, atol=5 * np.sqrt(1 / chains))
    np.testing.assert_allclose(np.cov(after.T), covariance, atol=0.03)


def exact_evidence(vae, x):
    """Of `linear_gaussian`, for x that the model drew."""
    w, b = (np.asarray(v, "float64") for v in vae.likelihood.heads["loc"].get_weights())
    return stats.multivariate_normal(b, w.T @ w + 0.49 * np.eye(len(b))).logpdf(x)


@pytest.mark.core
def test_few_steps_on_every_backend(linear_gaussian):
    vae = linear_gaussian(n=1).vae
    found = evaluation.bidirectional_monte_carlo(vae, 50, steps=8, chains=2, leapfrog_steps=2)
    exact = exact_evidence(vae, found.x)
    for bound, sign in ((found.lower, 1), (found.upper, -1)):
        below = sign * (exact - bound)
        assert below.mean() > -3 * below.std() / np.sqrt(50)
        assert below.mean() < 0.3
    assert 0.4 < found.acceptance.mean() < 0.9


@pytest.mark.slow
def test_bounds_from_both_sides(linear_gaussian):
    vae = linear_gaussian(n=1).vae
    gaps = []
    for steps in (4, 40):
        found = evaluation.bidirectional_monte_carlo(vae, 100, steps, 4, leapfrog_steps=3)
        exact = exact_evidence(vae, found.x)
        error = found.gap_standard_error
        assert error == pytest.approx(np.std(found.upper - found.lower) / np.sqrt(100), rel=0.01)
        assert found.lower.mean() < exact.mean() + 3 * error
        assert found.upper.mean() > exact.mean() - 3 * error
        gaps.append(found.gap)
        # E[w] = p(x), and E[1 / w] = 1 / p(x) backwards.
        for log_ratio in (
            found.forward_log_weights - exact[:, None],
            exact[:, None] - found.backward_log_weights,
        ):
            means = np.exp(log_ratio).mean(axis=1)
            assert means.mean() == pytest.approx(1.0, abs=4 * means.std() / np.sqrt(100))
    assert gaps[0] > 3 * gaps[1] > 0
    assert gaps[1] < 0.15
    assert f"{error:.2g}" in str(found)
    # The data are the model's.
    w, b = vae.likelihood.heads["loc"].get_weights()
    assert (found.x - found.z @ w - b).std() == pytest.approx(0.7, rel=0.1)
    assert np.abs(found.z.mean(0)).max() < 0.4
    assert found.z.std(0) == pytest.approx([1.0, 1.0], abs=0.25)


@pytest.mark.slow
def test_annealing_is_taken_where_it_is_better(linear_gaussian):
    model = linear_gaussian(n=32, shift=1.5, widen=1.5)
    found = evaluation.evidence_sandwich(
        model.vae, model.x, samples=40, steps=40, chains=8, leapfrog_steps=3
    )
    assert found.method == "annealed importance sampling"
    annealed = evaluation.annealed_importance_sampling(
        model.vae, model.x, steps=40, chains=8, leapfrog_steps=3
    )
    np.testing.assert_array_equal(found.lower, annealed.log_likelihood)


@pytest.mark.slow
def test_constrained_latents_move_in_unconstrained_coordinates():
    """A gamma prior of a Poisson rate: the evidence is a negative binomial."""
    vae = kb.models.VAE(
        prior=kd.Independent(kd.Gamma([3.0], 1.0), 1),
        likelihood=RateIsLatent((2,)),
        posterior=kl.ConditionalLogNormal((1,)),
        objective=kb.objectives.ELBO(kl="monte_carlo"),
        seed=0,
    )
    vae.build((None, 2))
    for head in vae.posterior.heads.values():
        head.set_weights([np.zeros((2, 1), "float32"), np.ones(1, "float32")])
    x = np.array([[0.0, 1.0], [4.0, 3.0], [10.0, 7.0]], "float32")
    total = x.sum(1)
    # x | z ~ Poisson(z) twice: p(x) = Gamma(3 + total) / (Gamma(3) 3^(3 + total) prod x!).
    exact = gammaln(3 + total) - gammaln(3) - (3 + total) * np.log(3) - gammaln(x + 1).sum(1)
    found = evaluation.annealed_importance_sampling(vae, x, 60, chains=16, leapfrog_steps=3)
    error = np.abs(found.log_likelihood - exact)
    assert (error < 5 * found.standard_error + 0.02).all()
    assert found.standard_error.max() < 0.5


@keras.saving.register_keras_serializable(package="kelbo_tests")
class RateIsLatent(kl.Conditional):
    """Poisson counts whose rate is the context itself."""

    def build_on(self, features):
        pass

    def parameters_of(self, features):
        return {"rate": features}

    def distribution(self, rate):
        rates = ops.broadcast_to(rate, (*ops.shape(rate)[:-1], *self.event_shape))
        return kd.Independent(kd.Poisson(rates, validate=False), 1)


@pytest.mark.slow
def test_same_seed_same_weights_also_after_an_interruption(linear_gaussian, monkeypatch, capsys):
    model = linear_gaussian(n=4)
    settings = {"steps": 30, "chains": 2, "leapfrog_steps": 1}

    def run(seed, verbose=False):
        found = evaluation.annealed_importance_sampling(
            model.vae, model.x, seed=seed, verbose=verbose, **settings
        )
        return found.log_weights

    first = run(0, verbose=True)
    # Tuned by 40 + 29 x 7 transitions and run by 29, in 20 calls at most.
    assert "34/34" in capsys.readouterr().out.replace(" ", "")
    weights = [np.array(w) for w in model.vae.get_weights()]
    calls = []

    def interrupt(self):
        calls.append(1)
        if len(calls) == 25:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(annealing.Bar, "advance", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(0)
    for old, new in zip(weights, model.vae.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(first, run(0))
    assert not np.array_equal(first, run(1))


def test_what_dominates_is_said():
    found = evaluation.AnnealedEstimate(
        log_weights=np.array([[0.0, -50.0, -60.0], [0.0, 0.1, 0.2]]),
        acceptance=np.array([0.65, 0.1]),
        steps=10,
    )
    assert "one chain dominates for 1 of 2 (50 %)" in found.warnings[0]
    assert "fifth of the proposals are accepted for 1 of 2" in found.warnings[1]
    assert all(warning in str(found) for warning in found.warnings)
    assert found.effective_sample_size[0] == pytest.approx(1.0)


def test_what_is_asked_for_is_checked(linear_gaussian, bernoulli_latents):
    model = linear_gaussian(n=2)
    x = np.zeros((2, 3), "float32")
    with pytest.raises(
        ValueError, match=r"latent values are discrete .* importance_log_likelihood"
    ):
        evaluation.annealed_importance_sampling(bernoulli_latents, x)
    with pytest.raises(ValueError, match="latent values are discrete"):
        evaluation.bidirectional_monte_carlo(bernoulli_latents)
    with pytest.raises(ValueError, match='start must be "prior" or "posterior", got \'q\''):
        evaluation.annealed_importance_sampling(model.vae, x, start="q")
    for name in ("steps", "chains", "leapfrog_steps"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least"):
            evaluation.annealed_importance_sampling(model.vae, x, **{name: 0})
    with pytest.raises(ValueError, match="n must be a whole number"):
        evaluation.bidirectional_monte_carlo(model.vae, n=0)
    for batch_size in (0, 2.5, "a"):
        with pytest.raises(ValueError, match="sampling: batch_size must be a whole number"):
            evaluation.annealed_importance_sampling(model.vae, x, batch_size=batch_size)
        with pytest.raises(ValueError, match="carlo: batch_size must be a whole number"):
            evaluation.bidirectional_monte_carlo(model.vae, batch_size=batch_size)
