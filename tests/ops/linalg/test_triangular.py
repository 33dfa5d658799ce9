"""Triangular solves, vectors made into triangles, determinants: against NumPy and SciPy."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_triangular as scipy_solve

from kelbo import ops

pytestmark = pytest.mark.core

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
_rng = np.random.default_rng(0)


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def tensor(array, dtype):
    return ops.convert_to_tensor(np.asarray(array, dtype=dtype))


def square(n, batch=()):
    """Well-conditioned matrices with both triangles filled."""
    return _rng.uniform(-1, 1, (*batch, n, n)) + 3 * np.eye(n)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("columns", [None, 1, 4])
def test_solve_triangular_agrees_with_scipy(lower, transpose, columns, dtype):
    a = square(3)
    b = _rng.normal(size=3 if columns is None else (3, columns))
    x = ops.solve_triangular(tensor(a, dtype), tensor(b, dtype), lower=lower, transpose=transpose)
    expected = scipy_solve(a, b, lower=lower, trans=int(transpose))
    np.testing.assert_allclose(to_numpy(x), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


BATCHES = [
    ((), ()),
    ((5,), ()),
    ((), (5,)),
    ((5,), (5,)),
    ((4, 1), (5,)),
    ((5,), (4, 1)),
    ((), (2, 3)),
]


@pytest.mark.parametrize(("batch_a", "batch_b"), BATCHES)
@pytest.mark.parametrize("transpose", [True, False])
def test_batches_broadcast(batch_a, batch_b, transpose, float64):
    a, b = square(3, batch_a), _rng.normal(size=(*batch_b, 3, 2))
    x = to_numpy(
        ops.solve_triangular(tensor(a, "float64"), tensor(b, "float64"), transpose=transpose)
    )
    triangle = np.tril(a)
    if transpose:
        triangle = np.swapaxes(triangle, -1, -2)
    assert x.shape == (*np.broadcast_shapes(batch_a, batch_b), 3, 2)
    np.testing.assert_allclose(triangle @ x, np.broadcast_to(b, x.shape), atol=1e-12)


def test_a_vector_is_shared_by_a_batch_of_matrices(float64):
    a, b = square(3, (4,)), _rng.normal(size=3)
    x = to_numpy(ops.solve_triangular(tensor(a, "float64"), tensor(b, "float64")))
    assert x.shape == (4, 3)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", np.tril(a), x), np.tile(b, (4, 1)))


@pytest.mark.parametrize("shape", [(2,), (4, 3), ()])
def test_a_right_hand_side_that_does_not_fit_is_named(shape):
    with pytest.raises(ValueError, match=r"\(3,\) or \(\.\.\., 3, k\), not .*b\[\.\.\., None\]"):
        ops.solve_triangular(np.eye(3, dtype="float32"), np.ones(shape, "float32"))


def test_a_matrix_that_is_not_square_is_named():
    with pytest.raises(ValueError, match=r"\(\.\.\., n, n\), not \(2, 3\)"):
        ops.solve_triangular(np.ones((2, 3), "float32"), np.ones(3, "float32"))


def test_the_gradient_of_a_solve(float64):
    a0, b0 = square(3), _rng.normal(size=(2, 3, 2))
    a, b = keras.Variable(a0, dtype="float64"), keras.Variable(b0, dtype="float64")
    weights = _rng.normal(size=(2, 3, 2))

    def loss():
        x = ops.solve_triangular(a.value, b.value, transpose=True)
        return ops.sum(x * tensor(weights, "float64"))

    _, gradients = ops.value_and_grad(loss, [a, b])()
    step_a, step_b = np.tril(_rng.normal(size=a0.shape)), _rng.normal(size=b0.shape)

    def at(h):
        return np.sum(weights * np.linalg.solve(np.tril(a0 + h * step_a).T, b0 + h * step_b))

    directional = sum(
        np.sum(to_numpy(g) * s) for g, s in zip(gradients, (step_a, step_b), strict=True)
    )
    np.testing.assert_allclose(directional, (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-7)


@pytest.mark.parametrize(
    ("batch_a", "shape_b"),
    [((), (3,)), ((), (3, 2)), ((4,), (3,)), ((4,), (4, 3, 2)), ((), (5, 3, 1))],
)
def test_cho_solve_solves(batch_a, shape_b, dtype):
    lower, b = np.tril(square(3, batch_a)), _rng.normal(size=shape_b)
    x = to_numpy(ops.compile(ops.cho_solve)(tensor(lower, dtype), tensor(b, dtype)))
    matrix = lower @ np.swapaxes(lower, -1, -2)
    product = np.einsum("...ij,...j->...i", matrix, x) if len(shape_b) == 1 else matrix @ x
    expected = np.broadcast_to(b, product.shape)
    np.testing.assert_allclose(product, expected, atol=10 * TOLERANCE[dtype])


def test_fill_triangular_has_the_order_of_tfp():
    expected = [[4, 0, 0], [6, 5, 0], [3, 2, 1]]
    np.testing.assert_array_equal(
        to_numpy(ops.fill_triangular(np.arange(1.0, 7.0, dtype="float32"))), expected
    )
    # From the documentation of tfp.math.fill_triangular: the elements wind clockwise.
    expected = [[5, 0, 0, 0], [9, 10, 0, 0], [8, 7, 6, 0], [4, 3, 2, 1]]
    np.testing.assert_array_equal(
        to_numpy(ops.fill_triangular(np.arange(1.0, 11.0, dtype="float32"))), expected
    )


@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(n=st.integers(1, 6), batch=st.lists(st.integers(1, 3), max_size=2))
@pytest.mark.slow
def test_fill_triangular_and_back(n, batch, float64):
    x = np.arange(1.0, 1 + np.prod([*batch, n * (n + 1) // 2])).reshape(*batch, -1)
    fill, unfill = ops.compile(ops.fill_triangular), ops.compile(ops.fill_triangular_inverse)
    matrix = to_numpy(fill(tensor(x, "float64")))
    assert matrix.shape == (*batch, n, n)
    np.testing.assert_array_equal(matrix, np.tril(matrix))
    assert len(np.unique(matrix[matrix != 0])) == x.size
    full = tensor(matrix + np.triu(np.ones((n, n)), 1), "float64")
    np.testing.assert_array_equal(to_numpy(unfill(full)), x)


@pytest.mark.parametrize("shape", [(2,), (3, 4), (), (0,)])
def test_a_vector_of_the_wrong_length_is_named(shape):
    with pytest.raises(ValueError, match=r"1, 3, 6, 10"):
        ops.fill_triangular(np.ones(shape, "float32"))


def test_an_inverse_of_no_square_is_named():
    with pytest.raises(ValueError, match=r"not \(2, 3\)"):
        ops.fill_triangular_inverse(np.ones((2, 3), "float32"))


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_log_det_from_cholesky(batch, dtype):
    lower = np.tril(square(4, batch))
    lower[..., 0, 0] *= -1  # a sign on the diagonal leaves the determinant as it is
    result = to_numpy(ops.compile(ops.log_det_from_cholesky)(tensor(lower, dtype)))
    expected = np.linalg.slogdet(lower @ np.swapaxes(lower, -1, -2))[1]
    np.testing.assert_allclose(result, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("value_shape", [(), (3,), (2, 1), (2, 3)])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_add_to_diagonal(value_shape, batch, dtype):
    a, value = square(3, batch), _rng.normal(size=value_shape)
    result = to_numpy(ops.compile(ops.add_to_diagonal)(tensor(a, dtype), tensor(value, dtype)))
    diagonal = np.broadcast_to(value, (*np.broadcast_shapes(value_shape[:-1], batch), 3))
    expected = a + np.eye(3) * diagonal[..., None, :]
    np.testing.assert_allclose(result, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_unknown_batch_sizes_are_fine_in_compiled_code():
    lower = np.tril(square(3)).astype("float32")

    def run(b, x):
        return ops.solve_triangular(lower, b), ops.fill_triangular(x)

    compiled = ops.compile(run)
    for batch in (2, 5, 7):  # TensorFlow traces an unknown size from the second on
        b = _rng.normal(size=(batch, 3, 2)).astype("float32")
        x = _rng.normal(size=(batch, 6)).astype("float32")
        solution, filled = compiled(ops.convert_to_tensor(b), ops.convert_to_tensor(x))
        np.testing.assert_allclose(lower @ to_numpy(solution), b, atol=1e-5)
        np.testing.assert_array_equal(to_numpy(ops.fill_triangular_inverse(filled)), x)
