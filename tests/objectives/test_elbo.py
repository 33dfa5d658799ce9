"""The ELBO on a linear-Gaussian model, whose evidence and posterior are known."""

import json

import keras
import numpy as np
import pytest
from scipy import stats

from kelbo import ops
from kelbo.distributions import Independent, MultivariateNormalTriL, Normal, kl_divergence
from kelbo.estimators.reductions import Mean
from kelbo.latent import KL, KLAtDraws, LogLikelihood, LogPosterior, LogPrior
from kelbo.objectives import ELBO, Objective

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

GENERATOR = np.random.default_rng(0)
WEIGHTS, BIAS, NOISE = GENERATOR.normal(size=(4, 2)), GENERATOR.normal(size=4), 0.7
X = GENERATOR.normal(size=(5, 4))
EVIDENCE = stats.multivariate_normal(BIAS, WEIGHTS @ WEIGHTS.T + NOISE**2 * np.eye(4)).logpdf(X)
COVARIANCE = np.linalg.inv(np.eye(2) + WEIGHTS.T @ WEIGHTS / NOISE**2)
MEANS = (X - BIAS) @ WEIGHTS @ COVARIANCE / NOISE**2
FACTOR = np.linalg.cholesky(COVARIANCE)


def single(x):
    return np.asarray(x, "float32")


def exact():
    return MultivariateNormalTriL(single(MEANS), single(FACTOR))


def approximate():
    """Independent, too wide and off by a little."""
    return Independent(Normal(single(MEANS + 0.2), single(1.3 * np.sqrt(np.diag(COVARIANCE)))), 1)


def losses(objective, posterior, seed=0):
    """The loss and the metrics of each example, on the terms that the objective uses."""

    def compute(seed):
        q, prior = posterior(), Normal.standard((2,))
        z = q.sample((objective.samples,), seed=ops.SeedSequence(seed))
        mean = ops.matmul(z, single(WEIGHTS.T)) + single(BIAS)
        likelihood = Independent(Normal(mean, NOISE), 1)
        terms = {
            "log_likelihood": lambda: likelihood.log_prob(single(X)),
            "log_prior": lambda: prior.log_prob(z),
            "log_posterior": lambda: q.log_prob(z),
            "kl": lambda: kl_divergence(q, prior),
        }
        used = {term.name for term in objective.uses if term.is_needed(q, prior)}
        terms = {name: terms[name]() for name in used}
        return objective.loss(terms), objective.metrics(terms)

    return keras.tree.map_structure(ops.convert_to_numpy, ops.compile(compute)(seed))


def test_the_exact_posterior_makes_the_monte_carlo_bound_tight_at_every_draw():
    for samples in (1, 7):
        loss, _ = losses(ELBO(samples=samples, kl="monte_carlo"), exact)
        assert loss.shape == (5,)
        np.testing.assert_allclose(-loss, EVIDENCE, rtol=1e-4)


def test_the_exact_posterior_makes_the_analytic_bound_tight_in_expectation():
    loss, metrics = losses(ELBO(samples=20_000), exact)
    np.testing.assert_allclose(-loss, EVIDENCE, rtol=0.01)
    np.testing.assert_allclose(metrics["reconstruction"] + metrics["kl"], loss, rtol=1e-5)


def test_both_estimators_agree_and_lie_below_the_evidence_by_the_posterior_divergence():
    samples = 20_000
    loss_b, metrics_b = losses(ELBO(samples), approximate)
    loss_a, metrics_a = losses(ELBO(samples, kl="monte_carlo"), approximate, seed=1)
    gap = ops.convert_to_numpy(kl_divergence(approximate(), exact()))
    assert (gap > 0.05).all()
    for loss, metrics in ((loss_a, metrics_a), (loss_b, metrics_b)):
        np.testing.assert_allclose(-loss, EVIDENCE - gap, rtol=0.01)
        np.testing.assert_allclose(metrics["reconstruction"] + metrics["kl"], loss, rtol=1e-4)
        assert (-loss < EVIDENCE).all()
    np.testing.assert_allclose(metrics_a["kl"], metrics_b["kl"], atol=0.04)


def test_the_loss_averages_over_samples():
    log_likelihood = np.arange(12.0).reshape(3, 4)
    given = ops.convert_to_tensor(single(log_likelihood.T))
    terms = {"log_likelihood": given, "kl": ops.ones(3)}
    loss = ops.convert_to_numpy(ELBO(4).loss(terms))
    np.testing.assert_allclose(loss, 1.0 - log_likelihood.mean(1))


def test_uses():
    assert ELBO().uses == {LogLikelihood, KL, KLAtDraws}
    assert ELBO(kl="monte_carlo").uses == {LogLikelihood, LogPrior, LogPosterior}


@pytest.mark.parametrize("objective", [ELBO(), ELBO(5), ELBO(np.int64(3), kl="monte_carlo")])
def test_round_trip_and_repr(objective):
    text = json.dumps(keras.saving.serialize_keras_object(objective))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert isinstance(again, ELBO)
    assert again.get_config() == objective.get_config()
    assert repr(again) == f"ELBO(samples={objective.samples}, kl={objective.kl!r})"


@pytest.mark.parametrize("samples", [0, -3, 2.5, "5", None, True])
def test_samples_must_be_a_positive_whole_number(samples):
    with pytest.raises(ValueError, match=r"^ELBO: samples must be a whole number .* got"):
        ELBO(samples)


def test_kl_must_be_known():
    with pytest.raises(ValueError, match=r"^ELBO: kl must be .* got 'exact'"):
        ELBO(kl="exact")


def test_an_objective_of_ones_own_names_itself():
    class Reconstruction(Objective):
        """Leaves the divergence out."""

        weight_terms = frozenset({LogLikelihood})
        reduction = Mean()

        def log_weights(self, terms):
            return terms["log_likelihood"]

    assert repr(Reconstruction(2)) == "Reconstruction(samples=2)"
    with pytest.raises(ValueError, match=r"^Reconstruction: samples"):
        Reconstruction(0)
    assert Reconstruction.from_config({"samples": 4}).samples == 4
    terms = {"log_likelihood": ops.convert_to_tensor([[-1.0], [-3.0]])}
    assert ops.convert_to_numpy(Reconstruction(2).loss(terms)).tolist() == [2.0]


@pytest.mark.parametrize(("kl", "missing"), [("analytic", "kl"), ("monte_carlo", "log_posterior")])
def test_terms_that_lack_one_are_named(kl, missing):
    names = {term.name for term in ELBO(kl=kl).uses} - {missing}
    with pytest.raises(ValueError, match=rf"^ELBO.* uses the term '{missing}', which is not among"):
        ELBO(kl=kl).loss({name: ops.zeros((1, 2)) for name in names})
