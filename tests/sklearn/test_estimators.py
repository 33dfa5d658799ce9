"""Estimators with scikit-learn's interface: its own checks, and what they predict."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from kelbo import gp, ops
from kelbo.sklearn import GaussianProcessClassifier, GaussianProcessRegressor

from ..precision import precision_as_before

__all__ = ["precision_as_before"]

pytestmark = pytest.mark.usefixtures("precision_as_before")


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.once
@parametrize_with_checks(
    [
        GaussianProcessRegressor(max_iterations=20),
        GaussianProcessClassifier(epochs=40, learning_rate=0.05, inducing=30),
    ]
)
def test_scikit_learn_takes_it(estimator, check):
    check(estimator)


RNG = np.random.default_rng(0)
X = RNG.uniform(-3, 3, (300, 2))
Y = 100.0 + 20.0 * np.sin(X[:, 0]) + 4.0 * RNG.normal(size=300)


@pytest.mark.parametrize("exact_below", [1000, 100])
@pytest.mark.core
@pytest.mark.few(1)
def test_regression_knows_how_sure_it_is(exact_below):
    model = GaussianProcessRegressor(
        exact_below=exact_below, inducing=30, max_iterations=30, random_state=0
    )
    model.fit(X[:200], Y[:200])
    assert isinstance(model.model_, gp.GPRegression if exact_below > 200 else gp.SGPR)
    mean, std = model.predict(X[200:], return_std=True)
    errors = Y[200:] - mean
    assert np.sqrt(np.mean(errors**2)) < 5.5
    assert 0.85 < np.mean(np.abs(errors) < 1.96 * std) <= 1.0
    density = -0.5 * (errors / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(model.log_prob(X[200:], Y[200:]), density, rtol=1e-6)
    draws = model.sample_y(X[200:210], n_samples=2000)
    assert draws.shape == (10, 2000)
    np.testing.assert_allclose(draws.mean(1), mean[:10], atol=1.0)


@pytest.mark.core
@pytest.mark.slow
def test_classification_of_three_classes():
    y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-1.0, 1.0])]
    model = GaussianProcessClassifier(epochs=30, inducing=20, learning_rate=0.05, random_state=0)
    model.fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.9
    probabilities = model.predict_proba(X[200:])
    np.testing.assert_allclose(probabilities.sum(1), np.ones(100))
    assert list(model.classes_) == ["high", "low", "middle"]


@pytest.mark.slow
def test_a_kernel_of_ones_own_is_copied_and_a_name_checked():
    kernel = gp.kernels.RBF([0.5, 2.0])
    model = GaussianProcessRegressor(kernel, max_iterations=5).fit(X[:50], Y[:50])
    assert model.model_.kernel is not kernel
    np.testing.assert_allclose(ops.convert_to_numpy(kernel.length_scale()), [0.5, 2.0])
    with pytest.raises(ValueError, match="kernel must be one of 'rbf'"):
        GaussianProcessRegressor("cosine").fit(X, Y)
