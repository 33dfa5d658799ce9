"""Divergences of distributions of directions, against quadrature and each other."""

import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import SphericalUniform, VonMises, VonMisesFisher, has_kl, kl_divergence

from ..cases.directions import VonMisesFisherReference, log_area

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def directions(*shape):
    vectors = np.random.default_rng(4).normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("size", [2, 3, 6])
@pytest.mark.few(2)
def test_from_the_uniform_and_from_each_other(size, dtype):
    mu, nu = directions(2, size), directions(2, size)[::-1]
    k, m = np.array([0.4, 20.0]), np.array([3.0, 18.0])
    of_q, of_p = VonMisesFisherReference(mu, k), VonMisesFisherReference(nu, m)
    q, p = VonMisesFisher(mu, k, dtype=dtype), VonMisesFisher(nu, m, dtype=dtype)
    uniform = SphericalUniform(size, dtype=dtype)
    # The log density of each is linear in the direction: these are its values at a right angle.
    across = [r.log_prob(r.mu) - r.k for r in (of_q, of_p)]
    slopes = k[:, None] * mu - m[:, None] * nu
    expected = {
        (q, p): across[0] - across[1] + np.sum(slopes * of_q.mean(), -1),
        (q, uniform): across[0] + k * of_q.first + log_area(size),
        (uniform, p): -log_area(size) - across[1],
        (uniform, uniform): 0.0,
    }
    near = {"float32": 2e-5, "float64": 1e-10}[dtype]
    assert all(has_kl(*pair) for pair in expected)
    results = ops.compile(lambda: [kl_divergence(*pair) for pair in expected])()
    for value, found in zip(expected.values(), map(numbers, results), strict=True):
        assert str(found.dtype) == dtype
        np.testing.assert_allclose(found, value, rtol=near, atol=0.1 * near)


def test_on_the_circle_it_is_that_of_von_mises():
    angles, k = np.array([0.3, 2.5]), np.array([2.0, 0.5])
    mu = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    q, p = VonMisesFisher(mu[0], k[0]), VonMisesFisher(mu[1], k[1])
    pairs = [(VonMises(angles[0], k[0]), VonMises(angles[1], k[1])), (q, p)]
    circle, found = ops.compile(lambda: [kl_divergence(*pair) for pair in pairs])()
    assert float(found) == pytest.approx(float(circle), rel=1e-5)


def test_a_weak_concentration_keeps_its_digits(dtype):
    # KL(q || uniform) is k^2 / (2 d) to leading order; of what is subtracted k is the largest.
    q = VonMisesFisher(directions(10), 1e-3, dtype=dtype)
    pairs = [(q, SphericalUniform(10, dtype=dtype)), (q, q)]
    found, same = map(float, ops.compile(lambda: [kl_divergence(*pair) for pair in pairs])())
    assert found == pytest.approx(5e-8, abs={"float32": 2e-7, "float64": 1e-14}[dtype])
    assert same == pytest.approx(0.0, abs=1e-7)
