"""The variational model: equal to what is known in closed form where there is one."""

import keras
import numpy as np
import pytest
from scipy import integrate, stats

import kelbo as kb
from kelbo import gp, ops
from kelbo.gp.expectations import expected_log_likelihood, predictive
from kelbo.gp.natural_gradient import natural_step

from .problems import NEW, NOISE, X, Y, numbers

pytestmark = pytest.mark.core

Z = X[:12]


def fresh(likelihood=None, **kwargs):
    likelihood = likelihood or gp.likelihoods.Gaussian(NOISE)
    kwargs.setdefault("inducing", Z)
    return gp.SVGP(gp.kernels.RBF([1.0, 1.0]), likelihood, **kwargs)


def collapsed():
    model = gp.SGPR(gp.kernels.RBF([1.0, 1.0]), inducing=Z, noise_variance=NOISE)
    return model, model.condition(X, Y)


def at_the_optimum(posterior, **kwargs):
    """A model whose q(u) is that of a collapsed posterior."""
    model = fresh(**kwargs)
    (lower,), (mean,), (root,) = (
        [numbers(each) for each in part]
        for part in (posterior.factors, posterior.means, posterior.roots)
    )
    covariance = root[0] @ root[0].T
    if not model.process.whiten:
        mean, covariance = mean @ lower.T, lower @ covariance @ lower.T
    model.process.q_means[0].assign(mean)
    model.process.q_roots[0].assign(np.linalg.cholesky(covariance)[None])
    return model


@pytest.mark.parametrize("whiten", [True, False])
def test_at_the_optimum_it_is_the_collapsed_model(whiten):
    peer, posterior = collapsed()
    model = at_the_optimum(posterior, whiten=whiten)
    np.testing.assert_allclose(model.bound(X, Y), float(peer.bound(X, Y)), rtol=1e-9)
    found, expected = model.given(NEW), peer.given(NEW)
    np.testing.assert_allclose(numbers(found.mean()), numbers(expected.mean()), atol=1e-9)
    covariances = [numbers(each.covariance()) for each in (found, expected)]
    np.testing.assert_allclose(*covariances, atol=1e-9)
    predicted = model.given(NEW, observed=True)
    expected = peer.given(NEW, marginal=True, observed=True)
    np.testing.assert_allclose(numbers(predicted.variance()), numbers(expected.variance()))


def test_a_diagonal_posterior_is_a_full_one_with_zeros():
    scales = np.linspace(0.2, 1.0, 12)
    found = []
    for covariance, root in (("diagonal", scales), ("full", np.diag(scales))):
        for whiten in (True, False):
            model = fresh(covariance=covariance, whiten=whiten)
            model.process.q_means[0].assign(np.ones((1, 12)))
            model.process.q_roots[0].assign(root[None])
            found.append(model.bound(X, Y))
    np.testing.assert_allclose(found[:2], found[2:], rtol=1e-10)


@pytest.mark.parametrize("whiten", [True, False])
@pytest.mark.few(1)
def test_one_natural_step_ends_at_the_optimum(whiten):
    model = fresh(whiten=whiten)
    model.process.q_means[0].assign(np.ones((1, 12)))
    for layer in (model.kernel, model.inducing, model.likelihood):
        layer.trainable = False
    model.compile(gp.NaturalGradient(step=1.0))
    model.fit(X, Y, batch_size=40, epochs=1, verbose=0)
    np.testing.assert_allclose(model.bound(X, Y), float(collapsed()[0].bound(X, Y)), rtol=1e-7)


def test_natural_gradients_beside_another_optimizer(tmp_path):
    model = fresh(gp.likelihoods.Bernoulli(), covariance="diagonal")
    model.compile(gp.NaturalGradient(keras.optimizers.Adam(0.01), 0.5, 0.01, ramp=5))
    history = model.fit(X, Y > 0, batch_size=20, epochs=6, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.fit(X, Y > 0, batch_size=20, epochs=1, verbose=0)
    model.fit(X, Y > 0, batch_size=20, epochs=1, verbose=0)
    np.testing.assert_allclose(loaded.bound(X, Y > 0), model.bound(X, Y > 0), rtol=1e-9)


def test_a_step_that_would_leave_the_covariances_is_not_taken():
    mean, root = np.zeros((2, 3)), np.stack([np.eye(3)] * 2)
    of_root = np.stack([-np.eye(3), np.zeros((3, 3))])
    moved, new = natural_step(*map(ops.convert_to_tensor, (mean, root, mean + 1, of_root)), 5.0)
    np.testing.assert_array_equal(numbers(moved), [[0.0] * 3, [-5.0] * 3])
    np.testing.assert_array_equal(numbers(new), root)


def test_an_orthogonal_half_that_knows_nothing_changes_nothing():
    _, posterior = collapsed()
    alone = at_the_optimum(posterior)
    halves = gp.inducing.OrthogonalFeatures(
        gp.inducing.InducingPoints(Z), gp.inducing.InducingPoints(X[20:28])
    )
    for covariance in ("full", ("full", "prior")):
        both = at_the_optimum(posterior, inducing=halves, covariance=covariance)
        np.testing.assert_allclose(both.bound(X, Y), alone.bound(X, Y), rtol=1e-9)
        pairs = [numbers(each.given(NEW).covariance()) for each in (both, alone)]
        np.testing.assert_allclose(*pairs, atol=1e-9)


@pytest.mark.slow
def test_points_of_both_halves_together_bound_the_decoupled_model():
    w = X[20:28]
    together = gp.SGPR(
        gp.kernels.RBF([1.0, 1.0]), inducing=np.concatenate([Z, w]), noise_variance=NOISE
    )
    halves = gp.inducing.OrthogonalFeatures(
        gp.inducing.InducingPoints(Z, trainable=False),
        gp.inducing.InducingPoints(w, trainable=False),
    )
    model = fresh(inducing=halves)
    for layer in (model.kernel, model.likelihood):
        layer.trainable = False
    model.compile(keras.optimizers.Adam(0.1))
    model.fit(X, Y, epochs=1, steps_per_epoch=300, batch_size=40, verbose=0)
    bound = model.bound(X, Y)
    alone = float(collapsed()[0].bound(X, Y))
    assert alone < bound < float(together.bound(X, Y))


LIKELIHOODS = {
    "Gaussian": (lambda: gp.likelihoods.Gaussian(0.3), Y),
    "heteroscedastic": (gp.likelihoods.HeteroscedasticGaussian, Y),
    "Student's t": (gp.likelihoods.StudentT, Y),
    "Bernoulli": (gp.likelihoods.Bernoulli, Y > 0),
    "probit": (lambda: gp.likelihoods.Bernoulli("probit"), Y > 0),
    "Poisson": (gp.likelihoods.Poisson, np.round(np.exp(Y))),
    "negative binomial": (lambda: gp.likelihoods.NegativeBinomial(2.0), np.round(np.exp(Y))),
    "categorical": (lambda: gp.likelihoods.Categorical(3), np.digitize(Y, [-0.5, 0.5])),
    "ordinal": (lambda: gp.likelihoods.Ordinal(3), np.digitize(Y, [-0.5, 0.5])),
    "Beta": (gp.likelihoods.Beta, 1.0 / (1.0 + np.exp(-Y))),
    "a conditional with a head": (lambda: kb.layers.ConditionalNormal((), dtype="float64"), Y),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.few(2)
def test_likelihoods_are_trained_saved_and_predict(name, tmp_path):
    make, y = LIKELIHOODS[name]
    model = fresh(make())
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit(X, y, epochs=3, batch_size=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    scores = [numbers(each.given(X, observed=True).log_prob(y)) for each in (model, loaded)]
    assert np.isfinite(scores[0]).all()
    np.testing.assert_allclose(*scores, rtol=1e-10)


F = np.linspace(-2.0, 2.0, 5)
OF_SCIPY = {
    "Gaussian": (lambda f: stats.norm(f, 0.3**0.5), "pdf", 0.7),
    "Student's t": (lambda f: stats.t(4.0, f, 1.0), "pdf", 0.7),
    "Bernoulli": (lambda f: stats.bernoulli(1 / (1 + np.exp(-f))), "pmf", 1.0),
    "probit": (lambda f: stats.bernoulli(stats.norm.cdf(f)), "pmf", 1.0),
    "Poisson": (lambda f: stats.poisson(np.exp(f)), "pmf", 3.0),
    "negative binomial": (lambda f: stats.nbinom(2.0, 2.0 / (2.0 + np.exp(f))), "pmf", 3.0),
    "Beta": (lambda f: stats.beta(2 / (1 + np.exp(-f)), 2 / (1 + np.exp(f))), "pdf", 0.3),
}


@pytest.mark.parametrize("name", OF_SCIPY)
def test_densities(name):
    peer, density, y = OF_SCIPY[name]
    likelihood = LIKELIHOODS[name][0]()
    found = numbers(likelihood.given(ops.convert_to_tensor(F[:, None])).log_prob(y))
    np.testing.assert_allclose(np.exp(found), getattr(peer(F), density)(y), rtol=1e-9)


def test_ranks_have_all_the_probability():
    likelihood = gp.likelihoods.Ordinal(4, scale=0.5)
    given = likelihood.given(ops.convert_to_tensor(F[:, None]))
    total = sum(np.exp(numbers(given.log_prob(k))) for k in range(4))
    np.testing.assert_allclose(total, np.ones(5), rtol=1e-12)
    between = stats.norm.cdf((0.0 - F) / 0.5) - stats.norm.cdf((-1.0 - F) / 0.5)
    np.testing.assert_allclose(np.exp(numbers(given.log_prob(1))), between, rtol=1e-9)


def test_quadrature_and_draws():
    mean, variance = ops.convert_to_tensor([[0.3]]), ops.convert_to_tensor([[0.8]])
    mean, variance = ops.cast(mean, "float64"), ops.cast(variance, "float64")
    likelihood = gp.likelihoods.Bernoulli()
    normal = stats.norm(0.3, 0.8**0.5)
    expected = integrate.quad(lambda f: -np.log1p(np.exp(-f)) * normal.pdf(f), -9, 9)[0]
    y = ops.ones((1,), dtype="float64")
    found = expected_log_likelihood(likelihood, mean, variance, y)
    np.testing.assert_allclose(numbers(found), [expected], rtol=1e-7)
    drawn = expected_log_likelihood(likelihood, mean, variance, y, samples=20_000, seed=0)
    np.testing.assert_allclose(numbers(drawn), [expected], rtol=0.02)
    of_one = integrate.quad(lambda f: normal.pdf(f) / (1 + np.exp(-f)), -9, 9)[0]
    found = predictive(likelihood, mean, variance).mean()
    np.testing.assert_allclose(numbers(found), [of_one], rtol=1e-7)


def test_float32_stays():
    model = fresh(dtype="float32")
    model.compile("adam")
    model.fit(X, Y, epochs=1, batch_size=20, verbose=0)
    assert model.given(NEW, observed=True).dtype == "float32"


def test_the_divergence_counts_once():
    model = fresh()
    model.process.q_means[0].assign(np.ones((1, 12)))
    model.compile("adam")
    model.training_examples.assign(40)
    loss = model.evaluate(X, Y, batch_size=10, verbose=0)
    np.testing.assert_allclose(loss, -model.bound(X, Y) / 40, rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(TypeError, match="likelihood must be one of"):
        gp.SVGP(gp.kernels.RBF(), kb.distributions.Normal(0.0, 1.0), Z)
    with pytest.raises(ValueError, match="covariance must be one of"):
        fresh(covariance="half")
    model = fresh(gp.likelihoods.Bernoulli())
    model.compile("adam")
    with pytest.raises(ValueError, match="needs y"):
        model.fit(X, verbose=0)
    with pytest.raises(ValueError, match="Bernoulli"):
        model.fit(X, Y, verbose=0)
    two = fresh(gp.likelihoods.Gaussian(), latents=2)
    two.compile("adam")
    with pytest.raises(ValueError, match="takes the values of 1 processes"):
        two.fit(X, Y, verbose=0)


def test_a_deep_process_learns_a_step():
    x = np.linspace(-1, 1, 60)[:, None]
    y = np.sign(x[:, 0])
    first = gp.layers.GPLayer(
        1,
        gp.kernels.RBF(0.5),
        x[::6],
        gp.mean_functions.propagating(x, 1),
        initial_scale=1e-5,
        seed=0,
    )
    second = gp.layers.GPLayer(1, gp.kernels.RBF(0.5), x[::6], seed=1)
    model = kb.models.ConditionalDensity(
        gp.likelihoods.Gaussian(0.1, network=keras.Sequential([first, second])), seed=0
    )
    model.compile(keras.optimizers.Adam(0.02))
    history = model.fit(x, y, epochs=60, batch_size=60, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] - 1.0
    draws = numbers(model.predict_draws(x, draws=20).mean())
    assert np.mean(np.sign(draws.mean(0)) == y) > 0.9


def test_a_layer_asks_for_the_number_of_examples():
    network = keras.Sequential([gp.layers.GPLayer(1, gp.kernels.RBF(), X[:5])])
    network.compile("adam", "mse")
    with pytest.raises(ValueError, match="number of training examples"):
        network.fit(X, Y, verbose=0)
