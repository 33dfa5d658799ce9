"""Exact and collapsed regression: against the formulas, scikit-learn, and each other."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import gp, ops

from .problems import NEW, NOISE, X, Y, exact, numbers, rbf

pytestmark = pytest.mark.core


def fresh(kind, **kwargs):
    kernel = gp.kernels.RBF(length_scale=[1.0, 1.0])
    if kind is gp.SGPR:
        kwargs.setdefault("inducing", X[:12])
    return kind(kernel, noise_variance=NOISE, **kwargs)


def test_the_exact_posterior():
    model = fresh(gp.GPRegression)
    evidence, mean, covariance = exact(X, Y, NEW)
    np.testing.assert_allclose(float(model.log_marginal_likelihood(X, Y)), evidence, rtol=1e-10)
    model.condition(X, Y)
    found = model.given(NEW)
    np.testing.assert_allclose(numbers(found.mean()), mean, atol=1e-9)
    np.testing.assert_allclose(numbers(found.covariance()), covariance, atol=1e-9)
    alone = model.given(NEW, marginal=True, observed=True)
    np.testing.assert_allclose(numbers(alone.variance()), np.diag(covariance) + NOISE, rtol=1e-8)


def test_leaving_one_out():
    model, found = fresh(gp.GPRegression), []
    for i in range(5):
        rest = np.arange(len(X)) != i
        _, mean, covariance = exact(X[rest], Y[rest], X[i : i + 1])
        found.append([mean[0], covariance[0, 0] + NOISE])
    all_of_them = model.leave_one_out(X, Y)
    pairs = np.stack([numbers(all_of_them.mean()), numbers(all_of_them.variance())], 1)
    np.testing.assert_allclose(pairs[:5], found, rtol=1e-8)


def test_bounds_enclose_the_evidence():
    evidence = exact(X, Y, NEW)[0]
    model = fresh(gp.SGPR)
    assert float(model.bound(X, Y)) < evidence < float(model.upper_bound(X, Y))
    whole = fresh(gp.SGPR, inducing=X, jitter=1e-10)
    np.testing.assert_allclose(float(whole.bound(X, Y)), evidence, rtol=1e-6)
    np.testing.assert_allclose(float(whole.upper_bound(X, Y)), evidence, rtol=1e-6)


def test_the_bound_by_its_formula():
    z, jitter = X[:12], 1e-6
    kuf = rbf(z, X)
    q = kuf.T @ np.linalg.solve(rbf(z, z) + jitter * np.eye(12), kuf)
    expected = stats.multivariate_normal(np.zeros(40), q + NOISE * np.eye(40)).logpdf(Y)
    expected -= 0.5 / NOISE * (40 - np.trace(q))
    for by in ("products", "solves", "auto"):
        np.testing.assert_allclose(float(fresh(gp.SGPR, by=by).bound(X, Y)), expected, rtol=1e-9)


def gradients(model):
    x, y = model.data(X, Y)
    _, found = ops.value_and_grad(lambda: model.evidence(x, y), model.trainable_variables)()
    return [numbers(each) for each in found]


def test_both_ways_have_the_same_gradients():
    mean = gp.mean_functions.ConstantMean(0.3)
    models = [fresh(gp.SGPR, by=by, mean_function=mean) for by in ("products", "solves")]
    for found, expected in zip(*map(gradients, models), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_gradients_of_the_exact_evidence():
    model = fresh(gp.GPRegression)
    for variable, gradient in zip(model.trainable_variables, gradients(model), strict=True):
        value, step = numbers(variable.value), 1e-5
        shift = np.zeros_like(value)
        shift.flat[0] = step
        ends = []
        for sign in (1.0, -1.0):
            variable.assign(value + sign * shift)
            ends.append(float(model.log_marginal_likelihood(X, Y)))
        variable.assign(value)
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(gradient.flat[0], slope, rtol=1e-5)


def test_what_is_ill_conditioned_takes_solves():
    def bound(apart, by):
        z = np.concatenate([X[:6], X[:6] + apart])
        return float(fresh(gp.SGPR, inducing=z, jitter=1e-12, by=by).bound(X, Y))

    products, solves, auto = (bound(1e-6, by) for by in ("products", "solves", "auto"))
    assert abs(products - solves) > 1e-3  # so many digits are gone
    np.testing.assert_allclose(auto, solves, rtol=1e-7)
    products, solves, auto = (bound(1e-3, by) for by in ("products", "solves", "auto"))
    np.testing.assert_allclose([products, auto], solves, rtol=1e-8)


@pytest.mark.slow
def test_a_fit_ends_where_that_of_scikit_learn_ends():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel(1.0) * RBF([1.0, 1.0]) + WhiteKernel(NOISE)
    peer = GaussianProcessRegressor(kernel, random_state=0).fit(X, Y)
    model = fresh(gp.GPRegression)
    history = model.fit(X, Y, verbose=0)
    found = float(model.log_marginal_likelihood(X, Y))
    np.testing.assert_allclose(found, peer.log_marginal_likelihood_value_, atol=1e-3)
    np.testing.assert_allclose(-history.history["loss"][-1] * len(X), found, rtol=1e-9)
    mean, spread = peer.predict(NEW, return_std=True)
    np.testing.assert_allclose(numbers(model.given(NEW).mean()), mean, atol=1e-3)
    found = numbers(model.given(NEW, marginal=True, observed=True).stddev())
    np.testing.assert_allclose(found, spread, atol=1e-3)


@pytest.mark.parametrize("kind", [gp.GPRegression, gp.SGPR])
@pytest.mark.few(1)
def test_a_fit_by_an_optimizer_and_a_file(kind, tmp_path):
    model = fresh(kind)
    model.compile(keras.optimizers.Adam(0.05))
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=1, steps_per_epoch=20, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    found, expected = (numbers(each.given(NEW).mean()) for each in (loaded, model))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert model.predict(NEW, verbose=0)["mean"].shape == (7,)


def test_files_of_sparse_models_hold_no_data(tmp_path):
    sizes = []
    for copies in (1, 50):
        model = fresh(gp.SGPR)
        model.condition(np.tile(X, (copies, 1)), np.tile(Y, copies))
        model.save(tmp_path / "model.keras")
        sizes.append((tmp_path / "model.keras").stat().st_size)
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


@pytest.mark.slow
def test_priors_move_a_fit_to_the_mode():
    prior = kb.distributions.LogNormal(np.log(0.1), 0.01)
    kernel = gp.kernels.RBF([1.0, 1.0])
    model = gp.GPRegression(kernel, noise_variance=NOISE, noise_prior=prior)
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(float(model.noise_variance()), 0.1, rtol=0.01)


@pytest.mark.parametrize("kind", [gp.GPRegression, gp.SGPR])
@pytest.mark.few(1)
def test_observations_one_by_one(kind):
    model, part = fresh(kind), fresh(kind)
    model.condition(X, Y)
    posterior = part.condition(X[:30], Y[:30])
    for rows in (slice(30, 31), slice(31, 40)):
        posterior = posterior.condition(X[rows], Y[rows])
    for found, expected in zip(
        posterior.moments_at(ops.convert_to_tensor(NEW)),
        model.posterior.moments_at(ops.convert_to_tensor(NEW)),
        strict=True,
    ):
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-6, atol=1e-8)


REFUSED = {
    "x of one axis": (lambda m: m.fit(X[:, 0], Y), "expected"),
    "no y": (lambda m: m.fit(X), "needs y"),
    "another number of y": (lambda m: m.fit(X, Y[:3]), "40"),
    "two columns of y": (lambda m: m.fit(X, np.stack([Y, Y], 1)), r"expected \(n,\)"),
    "NaN": (lambda m: m.fit(np.where(X > 2.9, np.nan, X), Y), "NaN"),
    "other columns": (lambda m: _conditioned(m).given([[1.0]]), "expected"),
    "other columns of features": (
        lambda m: gp.SGPR(gp.kernels.RBF(), inducing=X[:, :1]).bound(X, Y),
        "x has 1 columns and y 2",
    ),
    "before a fit": (lambda m: m.given(NEW), "no data yet"),
    "settings of another fit": (lambda m: m.fit(X, Y, epochs=3), "compile"),
}


def _conditioned(model):
    model.condition(X, Y)
    return model


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    act, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        act(fresh(gp.GPRegression))


def test_hard_data_get_an_answer():
    twice = np.concatenate([X, X])
    for x, y in ((X[:1], Y[:1]), (twice, np.tile(Y, 2)), (X, np.zeros(40)), (X[:5], Y[:5])):
        model = fresh(gp.SGPR) if len(x) > 1 else fresh(gp.GPRegression)
        model.fit(x, y, max_iterations=5, verbose=0)
        found = model.given(NEW, marginal=True)
        assert np.isfinite(numbers(found.mean())).all()
        assert (numbers(found.variance()) >= 0).all()


@pytest.mark.parametrize("kind", [gp.GPRegression, gp.SGPR])
@pytest.mark.few(1)
def test_in_float32_too(kind):
    model = fresh(kind, dtype="float32")
    model.condition(X, Y)
    found = model.given(NEW, marginal=True)
    assert found.dtype == "float32"
    expected = fresh(kind)
    expected.condition(X, Y)
    np.testing.assert_allclose(
        numbers(found.mean()), numbers(expected.given(NEW, marginal=True).mean()), atol=2e-3
    )


def test_data_that_are_taken_in_again_are_seen_by_the_same_code():
    model = fresh(gp.GPRegression)
    model.condition(X, Y)
    first, predictor = numbers(model.given(NEW).mean()), model.posterior.predictor
    model.condition(X, 2.0 * Y)
    assert model.posterior.predictor is predictor
    np.testing.assert_allclose(numbers(model.given(NEW).mean()), 2.0 * first, rtol=1e-9)
    model.kernel = gp.kernels.Matern52([1.0, 1.0])
    model.condition(X, Y)
    assert model.posterior.predictor is not predictor
    assert np.abs(numbers(model.given(NEW).mean()) - first).max() > 1e-3


def test_restarts_end_at_least_as_well():
    loss = {}
    for restarts in (0, 2):
        model = fresh(gp.GPRegression, seed=0)
        model.fit(X, Y, restarts=restarts, max_iterations=20, verbose=0)
        loss[restarts] = model.minimum.loss
        x, y = model.data(X, Y)
        np.testing.assert_allclose(float(numbers(model.loss_of(x, y))), loss[restarts], rtol=1e-9)
    assert loss[2] <= loss[0]
