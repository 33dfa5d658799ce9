"""Divergences of multivariate normals of each kind, against inverses and determinants."""

import itertools

import numpy as np
import pytest

from kelbo import ops
from kelbo.distributions import (
    Independent,
    MultivariateNormalDiag,
    MultivariateNormalFullCovariance,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
    Normal,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

SIZE = 3


def _diagonals(vectors):
    return vectors[..., None] * np.eye(vectors.shape[-1])


def _kinds(generator, *batch):
    """Of each kind a distribution, with its mean and covariance."""
    loc = generator.normal(size=(*batch, SIZE))
    scale = generator.uniform(0.3, 2.0, (*batch, SIZE))
    factor = np.tril(generator.normal(size=(*batch, SIZE, SIZE)), -1) + _diagonals(scale)
    columns = generator.normal(size=(*batch, SIZE, 2))
    full = factor @ np.swapaxes(factor, -1, -2)
    low_rank = _diagonals(scale) + columns @ np.swapaxes(columns, -1, -2)
    return {
        "TriL": (MultivariateNormalTriL(loc, factor), loc, full),
        "FullCovariance": (MultivariateNormalFullCovariance(loc, full), loc, full),
        "Diag": (MultivariateNormalDiag(loc, scale), loc, _diagonals(scale**2)),
        "LowRank": (MultivariateNormalLowRank(loc, scale, columns), loc, low_rank),
        "Independent": (Independent(Normal(loc, scale), 1), loc, _diagonals(scale**2)),
    }


def gaussian_kl(loc, cov, other_loc, other_cov):
    """From means and covariances, by inverses and determinants."""
    inverse = np.linalg.inv(other_cov)
    trace = np.trace(inverse @ cov, axis1=-2, axis2=-1)
    step = other_loc - loc
    distance = np.einsum("...i,...ij,...j->...", step, inverse, step)
    logs = np.linalg.slogdet(other_cov)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (trace + distance - SIZE + logs)


@pytest.mark.slow
def test_every_kind_against_every_kind():
    generator = np.random.default_rng(5)
    left, right = _kinds(generator, 4, 1), _kinds(generator, 2)
    pairs = list(itertools.product(left, right))
    assert len(pairs) == 25
    results = ops.compile(lambda: [kl_divergence(left[q][0], right[p][0]) for q, p in pairs])()
    for (q, p), result in zip(pairs, results, strict=True):
        assert has_kl(left[q][0], right[p][0])
        expected = gaussian_kl(*left[q][1:], *right[p][1:])
        result = ops.convert_to_numpy(result)
        assert result.shape == (4, 2)
        np.testing.assert_allclose(result, expected, rtol=3e-5, atol=1e-5, err_msg=f"{q} || {p}")
    zeros = ops.compile(lambda: [kl_divergence(d[0], d[0]) for d in left.values()])()
    for zero in zeros:
        np.testing.assert_allclose(ops.convert_to_numpy(zero), 0.0, atol=2e-6)


@pytest.mark.slow
def test_one_distribution_against_a_batch_of_low_rank():
    generator = np.random.default_rng(6)
    one, many = _kinds(generator), _kinds(generator, 4)
    kinds = [one[kind] for kind in ("TriL", "LowRank", "Diag")]
    pairs = [*((q, many["LowRank"]) for q in kinds), *((many["LowRank"], p) for p in kinds)]
    results = ops.compile(lambda: [kl_divergence(q[0], p[0]) for q, p in pairs])()
    for (q, p), result in zip(pairs, results, strict=True):
        expected = gaussian_kl(*q[1:], *p[1:])
        np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-4)


@pytest.mark.slow
def test_low_rank_makes_no_square_matrix():
    # One float32 matrix of d x d would take 160 GB.
    size = 200_000
    generator = np.random.default_rng(7)
    columns = generator.normal(size=(size, 2)).astype("float32")
    d = MultivariateNormalLowRank(np.zeros(size, "float32"), np.ones(size, "float32"), columns)
    p = MultivariateNormalDiag(np.zeros(size, "float32"), 2.0 * np.ones(size, "float32"))
    x = d.sample((2,), seed=0)
    # By the matrix determinant lemma in float64, and E[x' C^-1 x] = d.
    inner = np.eye(2) + columns.astype("float64").T @ columns
    log_det = np.linalg.slogdet(inner)[1]
    expected = -0.5 * (size + log_det + size * np.log(2 * np.pi))
    scores = ops.convert_to_numpy(d.log_prob(x))
    assert (np.abs(scores - expected) < 5 * np.sqrt(0.5 * size)).all()
    assert float(d.entropy()) == pytest.approx(-expected, rel=1e-5)
    share = 0.5 * (np.square(columns.astype("float64")).sum() + size) / 4.0
    forward = share - 0.5 * size + 0.5 * (size * np.log(4.0) - log_det)
    assert float(kl_divergence(d, p)) == pytest.approx(forward, rel=1e-4)
    trace = 4.0 * (size - 2 + np.trace(np.linalg.inv(inner)))
    backward = 0.5 * (trace - size + log_det - size * np.log(4.0))
    assert float(kl_divergence(p, d)) == pytest.approx(backward, rel=1e-4)


def test_low_rank_keeps_its_digits_where_the_noise_is_small():
    # Woodbury's identity is a difference there: 1e6 - 1e6 in float32.
    direction = np.array([1.0, 2.0, -1.0])
    d = MultivariateNormalLowRank(np.zeros(3), 1e-6 * np.ones(3), direction[:, None])
    steps = np.array([0.0, 1.0, -3.0, 1e-3])
    total = 1e-6 + direction @ direction
    distances = steps**2 * (direction @ direction) / total
    log_det = 2.0 * np.log(1e-6) + np.log(total)
    expected = -0.5 * (distances + log_det + 3.0 * np.log(2 * np.pi))
    scores = ops.convert_to_numpy(d.log_prob(steps[:, None] * direction))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
