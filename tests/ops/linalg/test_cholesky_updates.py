"""Low-rank changes of Cholesky factors, and further rows, against factoring anew."""

import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core


def factor(rng, *shape):
    a = rng.normal(size=shape)
    return np.linalg.cholesky(a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1]))


def matrix_of(lower):
    return lower @ np.swapaxes(lower, -1, -2)


CASES = {
    "one column": ((5, 5), (5,)),
    "several columns": ((5, 5), (5, 3)),
    "more columns than rows": ((3, 3), (3, 7)),
    "a batch": ((2, 4, 4), (2, 4, 3)),
    "one factor, a batch of changes": ((4, 4), (2, 4, 1)),
    "one number": ((1, 1), (1, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_an_update_and_its_downdate(case, float64):
    shape, of_u = CASES[case]
    rng = np.random.default_rng(0)
    lower, u = factor(rng, *shape), rng.normal(size=of_u)
    columns = u[:, None] if u.ndim == 1 else u
    expected = np.linalg.cholesky(matrix_of(lower) + matrix_of(columns))
    found = ops.cholesky_update(lower, u)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-12, atol=1e-12)
    back = ops.convert_to_numpy(ops.cholesky_update(found, u, downdate=True))
    np.testing.assert_allclose(back, np.broadcast_to(lower, back.shape), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("downdate", [False, True])
def test_gradients_are_those_of_factoring_anew(downdate, float64):
    rng = np.random.default_rng(1)
    lower, u, weights = factor(rng, 4, 4), 0.3 * rng.normal(size=(4, 2)), rng.normal(size=(4, 4))
    weights = ops.convert_to_tensor(weights)
    sign = -1.0 if downdate else 1.0

    def by_update(pair):
        changed = ops.cholesky_update(ops.tril(pair[:, :4]), pair[:, 4:], downdate)
        return ops.sum(weights * changed)

    def anew(pair):
        lower, u = ops.tril(pair[:, :4]), pair[:, 4:]
        whole = ops.matmul(lower, ops.transpose(lower)) + sign * ops.matmul(u, ops.transpose(u))
        return ops.sum(weights * ops.cholesky(whole))

    pair = np.concatenate([lower, u], axis=1)
    found, expected = (
        ops.convert_to_numpy(ops.values_and_gradients(f, pair)[1]) for f in (by_update, anew)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_further_rows(float64):
    rng = np.random.default_rng(2)
    whole = factor(rng, 2, 6, 6)
    matrix = matrix_of(whole)
    found = ops.cholesky_append(whole[:, :4, :4], matrix[:, :4, 4:], matrix[:, 4:, 4:])
    np.testing.assert_allclose(ops.convert_to_numpy(found), whole, rtol=1e-12, atol=1e-12)


def test_compiled_code(float64):
    rng = np.random.default_rng(3)
    lower, u = factor(rng, 5, 5), rng.normal(size=(5, 2))
    found = ops.compile(ops.cholesky_update)(lower, u)
    expected = np.linalg.cholesky(matrix_of(lower) + matrix_of(u))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-12, atol=1e-12)


def test_what_is_refused(float64):
    with pytest.raises(ops.CholeskyError, match="more is taken away than there is"):
        ops.cholesky_update(np.eye(2), [2.0, 0.0], downdate=True)
    with pytest.raises(ValueError, match=r"u must have the shape \(3,\)"):
        ops.cholesky_update(np.eye(3), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(\.\.\., n, n\)"):
        ops.cholesky_update(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="n, m"):
        ops.cholesky_append(np.eye(2), np.ones((3, 1)), np.ones((1, 1)))
