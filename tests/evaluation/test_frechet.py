"""The Fréchet distance of normal distributions, which has a closed form."""

import numpy as np
import pytest
from scipy import linalg

from kelbo import ops
from kelbo.evaluation import frechet_distance


def exactly(mean, covariance, n=50, seed=0):
    """Vectors with exactly this mean and sample covariance."""
    noise = np.random.default_rng(seed).normal(size=(n, len(mean)))
    noise = noise - noise.mean(0)
    whitened = noise @ linalg.inv(linalg.sqrtm(np.cov(noise, rowvar=False)).real)
    return mean + whitened @ linalg.sqrtm(covariance).real


def test_it_is_the_closed_form():
    generator = np.random.default_rng(3)
    a, b = (m @ m.T + np.eye(4) for m in generator.normal(size=(2, 4, 4)))
    mean = generator.normal(size=(2, 4))
    expected = np.sum((mean[0] - mean[1]) ** 2)
    expected += np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    found = frechet_distance(exactly(mean[0], a), exactly(mean[1], b, n=70, seed=1))
    assert found == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(exactly(mean[1], b), exactly(mean[0], a)) == pytest.approx(expected)


def test_commuting_covariances():
    a, b = exactly(np.zeros(3), np.diag([1.0, 4.0, 9.0])), exactly(np.ones(3), np.eye(3), seed=1)
    assert frechet_distance(a, b) == pytest.approx(3 + 0 + 1 + 4)


def test_equal_sets_are_at_0_also_where_they_are_singular():
    few = np.random.default_rng(0).normal(size=(5, 30))
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)
    constant = np.ones((4, 2))
    assert frechet_distance(constant, constant + 3.0) == pytest.approx(18.0)
    assert frechet_distance(np.zeros((3, 1)), np.ones((2, 1))) == pytest.approx(1.0)


def test_large_offsets_do_not_drown_the_spread():
    features = np.random.default_rng(0).normal(size=(1000, 3))
    plain = frechet_distance(features[:500], features[500:])
    assert frechet_distance(features[:500] + 1e6, features[500:] + 1e6) == pytest.approx(plain)


@pytest.mark.core
def test_tensors_and_single_precision():
    features = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    as_tensors = frechet_distance(ops.convert_to_tensor(features), features.tolist())
    assert as_tensors == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"features_a has the shape \(3,\); expected \(n, d\)"),
        (np.zeros((2, 0)), np.zeros((2, 0)), r"features_a has the shape \(2, 0\)"),
        (np.zeros((3, 2)), np.zeros((1, 2)), "features_b holds 1 vectors; .* at least 2"),
        (np.zeros((3, 2)), np.zeros((3, 4)), "2 features per vector but features_b 4"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "features_a holds numbers that are not finite"),
    ],
)
def test_what_cannot_be_compared(a, b, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)
