"""Draws of posteriors as functions have the posterior's moments, and stay the same."""

import numpy as np
import pytest

from kelbo import gp, ops

from .problems import NEW, NOISE, X, Y, numbers

pytestmark = pytest.mark.core

Z = X[:12]


def exact():
    model = gp.GPRegression(gp.kernels.RBF([1.0, 1.0]), noise_variance=NOISE)
    return model.condition(X, Y)


def sparse():
    kernel = 1.5 * gp.kernels.Matern52([1.0, 1.0])
    return gp.SGPR(kernel, inducing=Z, noise_variance=NOISE).condition(X, Y)


def decoupled():
    halves = gp.inducing.OrthogonalFeatures(
        gp.inducing.InducingPoints(Z[:6]), gp.inducing.InducingPoints(Z[6:])
    )
    model = gp.SVGP(gp.kernels.RBF([1.0, 1.0]), gp.likelihoods.Gaussian(NOISE), halves)
    model.process.q_means[0].assign(np.linspace(-1, 1, 6)[None])
    model.process.q_means[1].assign(np.linspace(1, -1, 6)[None])
    model.process.q_roots[0].assign(0.3 * np.eye(6)[None])
    model.process.q_roots[1].assign(0.5 * np.eye(6)[None])
    return model.posterior


@pytest.mark.parametrize("make", [exact, sparse, decoupled])
def test_draws_have_the_moments_of_the_posterior(make):
    posterior = make()
    draws = posterior.sample_functions(20_000, seed=1, features=2048)
    values = numbers(draws(NEW))
    mean, covariance = (numbers(each)[0] for each in posterior.moments_at(NEW, True))
    np.testing.assert_allclose(values.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(values.T), covariance, atol=0.06)


def test_a_draw_is_one_function():
    posterior = exact()
    draws = posterior.sample_functions(3, seed=2, features=64)
    again = posterior.sample_functions(3, seed=2, features=64)
    values = numbers(draws(NEW))
    assert values.shape == (3, 7)
    np.testing.assert_array_equal(numbers(again(NEW)), values)
    np.testing.assert_allclose(numbers(draws(NEW[:2])), values[:, :2], rtol=1e-9)
    other = posterior.sample_functions(3, seed=3, features=64)
    assert (np.abs(numbers(other(NEW)) - values) > 1e-6).all()
    _, slopes = ops.values_and_gradients(lambda x: draws(x)[0], NEW)
    step = 1e-6 * np.eye(2)[0]
    ends = [numbers(draws(NEW + sign * step))[0] for sign in (1.0, -1.0)]
    np.testing.assert_allclose(numbers(slopes)[:, 0], (ends[0] - ends[1]) / 2e-6, rtol=1e-4)


def test_what_cannot_be_drawn_says_so():
    model = gp.GPRegression(gp.kernels.Linear() + gp.kernels.RBF(), noise_variance=NOISE)
    with pytest.raises(TypeError, match="random_features"):
        model.condition(X, Y).sample_functions()
