"""The Cholesky factorisation: values, gradients, retries, errors, in and out of compiled code."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def spd(n, seed=0, batch=()):
    root = np.random.default_rng(seed).normal(size=(*batch, n, n))
    return root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(n)


def tensor(array, dtype):
    return ops.convert_to_tensor(np.asarray(array, dtype=dtype))


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_factor_is_that_of_numpy(batch, compiled, dtype):
    a = spd(4, batch=batch)
    factor = ops.compile(ops.cholesky) if compiled else ops.cholesky
    lower = factor(tensor(a, dtype))
    assert keras.backend.standardize_dtype(lower.dtype) == dtype
    np.testing.assert_allclose(
        to_numpy(lower), np.linalg.cholesky(a), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
    )


def gradient_of_loss(a, weights, **options):
    variable = keras.Variable(a, dtype=str(a.dtype))

    def loss():
        return ops.sum(ops.cholesky(variable.value, **options) * tensor(weights, a.dtype))

    return ops.value_and_grad(loss, [variable]), variable


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_is_symmetric_and_right(compiled, float64):
    a, rng = spd(4), np.random.default_rng(1)
    weights = rng.normal(size=(4, 4))
    differentiated, variable = gradient_of_loss(a, weights)
    if compiled:
        differentiated = ops.compile(differentiated, [variable])
    _, (gradient,) = differentiated()
    gradient = to_numpy(gradient)
    np.testing.assert_allclose(gradient, gradient.T, atol=1e-13)
    for _ in range(5):
        step = rng.normal(size=(4, 4))
        step = step + step.T
        ahead, behind = (np.linalg.cholesky(a + h * step) for h in (1e-6, -1e-6))
        expected = np.sum(weights * (ahead - behind)) / 2e-6
        np.testing.assert_allclose(np.sum(gradient * step), expected, rtol=1e-7)


SINGULAR = np.array([[4.0, 2.0, 2.0], [2.0, 1.0, 1.0], [2.0, 1.0, 1.0]])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_singular_matrix_gets_the_least_jitter(compiled, dtype):
    factor = ops.compile(ops.cholesky) if compiled else ops.cholesky
    lower = to_numpy(factor(tensor(SINGULAR, dtype))).astype("float64")
    added = np.diag(lower @ lower.T - SINGULAR)
    first = {"float32": 1e-6, "float64": 1e-10}[dtype] * 2.0
    rounding = 4 * np.finfo(dtype).eps * 4
    assert (added > -rounding).all()
    assert (added < 1.2 * first + rounding).all()


def test_jitter_grows_until_it_is_enough(float64):
    # The smallest eigenvalue is -3e-4, the mean of the diagonal 1: 1e-5 and 1e-4 are too little.
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    a = rotation @ np.diag([-3e-4, 1.0, 2.0003]) @ rotation.T
    lower = to_numpy(ops.cholesky(tensor(a, "float64"), jitter=1e-5))
    np.testing.assert_allclose(lower @ lower.T - a, 1e-3 * np.eye(3), atol=1e-12)
    with pytest.raises(ops.CholeskyError):
        ops.cholesky(tensor(a, "float64"), jitter=1e-5, max_tries=2)


@pytest.mark.parametrize("compiled", [False, True])
def test_each_matrix_of_a_batch_has_its_own_jitter(compiled, float64):
    batch = np.stack([spd(3), SINGULAR, 1e6 * SINGULAR, 3.0 * np.eye(3)])
    factor = ops.compile(ops.cholesky) if compiled else ops.cholesky
    lower = to_numpy(factor(tensor(batch, "float64")))
    np.testing.assert_allclose(lower[[0, 3]], np.linalg.cholesky(batch[[0, 3]]), rtol=1e-14)
    added = lower @ np.swapaxes(lower, -1, -2) - batch
    np.testing.assert_allclose(added[1], 2e-10 * np.eye(3), atol=1e-14)
    np.testing.assert_allclose(added[2], 2e-4 * np.eye(3), atol=1e-8)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_after_a_retry_is_finite(compiled, float64):
    batch = np.stack([spd(3), SINGULAR])
    weights = np.ones((2, 3, 3))
    differentiated, variable = gradient_of_loss(batch, weights, jitter=1e-4)
    if compiled:
        differentiated = ops.compile(differentiated, [variable])
    _, (gradient,) = differentiated()
    expected = gradient_of_loss(SINGULAR + 2e-4 * np.eye(3), weights[1])[0]()[1][0]
    alone = gradient_of_loss(batch[0], weights[0])[0]()[1][0]
    np.testing.assert_allclose(to_numpy(gradient)[1], to_numpy(expected), rtol=1e-6)
    np.testing.assert_allclose(to_numpy(gradient)[0], to_numpy(alone), rtol=1e-10)


INDEFINITE = np.array([[1.0, 2.0], [2.0, 1.0]])


def out_of_sight(factor):
    """`factor` where it cannot look at values: compiled, or under `vmap` on eager PyTorch."""
    if keras.backend.backend() == "torch":
        return lambda batch: ops.vectorized_map(factor, batch)
    return ops.compile(factor)


@pytest.mark.parametrize("max_tries", [0, 4])
def test_compiled_code_gives_nan_instead_of_raising(max_tries, dtype):
    batch = np.stack([np.eye(2), INDEFINITE, np.full((2, 2), np.nan), SINGULAR[:2, :2]])
    factor = out_of_sight(lambda a: ops.cholesky(a, max_tries=max_tries))
    lower = to_numpy(factor(tensor(batch, dtype)))
    np.testing.assert_array_equal(lower[0], np.eye(2))
    assert np.isnan(lower[1:3]).any((-2, -1)).all()
    if max_tries:
        np.testing.assert_allclose(lower[3] @ lower[3].T, batch[3], atol=1e-5)


def failure(a, dtype="float64", **options):
    with pytest.raises(ops.CholeskyError) as raised:
        ops.cholesky(tensor(a, dtype), **options)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_error_names_what_is_wrong(dtype):
    message = failure(INDEFINITE, dtype, name="prior covariance")
    for part in ("prior covariance", "(2, 2)", dtype, "smallest eigenvalue is -1", "its largest 3"):
        assert part in message
    first = {"float32": "1e-06, 1e-05, 1e-04, 1e-03", "float64": "1e-10, 1e-09, 1e-08, 1e-07"}
    assert first[dtype] in message
    assert "not a covariance" in message


def test_the_error_proposes_a_jitter_that_works(float64):
    message = failure(SINGULAR, max_tries=0)
    assert "tried, relative to the mean 2 of its diagonal: none" in message
    jitter = float(message.split("pass jitter=")[1].rstrip("."))
    lower = to_numpy(ops.cholesky(tensor(SINGULAR, "float64"), jitter=jitter, max_tries=1))
    assert np.isfinite(lower).all()


def test_the_error_of_float32_proposes_float64():
    assert "or compute it in float64" in failure(SINGULAR, "float32", max_tries=0)


def test_the_error_points_into_the_batch(float64):
    batch = np.tile(np.eye(2), (2, 3, 1, 1))
    batch[1, 0] = batch[1, 2] = INDEFINITE
    message = failure(batch, name="kernel")
    assert "kernel[1, 0], of shape (2, 2)" in message
    assert "(and 1 more of its batch)" in message


def test_the_error_counts_entries_that_are_not_numbers(float64):
    message = failure([[1.0, np.nan], [np.nan, np.inf]])
    assert "3 of its entries are NaN or infinite" in message


def test_the_error_is_raised_under_differentiation(float64):
    differentiated, _ = gradient_of_loss(INDEFINITE, np.ones((2, 2)), name="inner")
    with pytest.raises(ops.CholeskyError, match="inner"):
        differentiated()


def test_it_is_a_value_error():
    assert issubclass(ops.CholeskyError, ValueError)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3,), {}, r"shape \(\.\.\., n, n\); matrix has \(3,\)"),
        ((2, 3), {"name": "gram"}, r"gram has \(2, 3\)"),
        ((2, 2), {"jitter": 0.0}, "jitter > 0"),
        ((2, 2), {"max_tries": -1}, "max_tries=-1"),
    ],
)
def test_bad_arguments_are_named(shape, options, message):
    with pytest.raises(ValueError, match=message):
        ops.cholesky(np.ones(shape, "float32"), **options)


def test_an_asymmetric_matrix_counts_by_its_symmetric_part(float64):
    a = spd(3) + np.array([[0, 0.1, 0], [-0.1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(
        to_numpy(ops.cholesky(tensor(a, "float64"))), np.linalg.cholesky(spd(3)), rtol=1e-13
    )


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="one factorisation is JAX's promise")
def test_one_factorisation_serves_value_and_gradient_on_jax():
    import jax

    a = ops.convert_to_tensor(spd(3).astype("float32"))
    program = jax.jit(jax.value_and_grad(lambda a: ops.sum(ops.cholesky(a)))).lower(a).as_text()
    # One before the loop, one in the body of the loop, which runs where the first one failed.
    assert program.count("lapack_spotrf") + program.count("stablehlo.cholesky") == 2


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="second derivatives are JAX's")
def test_second_derivatives_on_jax(float64):
    import jax

    fixed, scaled = np.diag([1.0, 2.0, 3.0]), spd(3)

    def log_det(x):
        return ops.log_det_from_cholesky(ops.cholesky(x * scaled + fixed))

    # log |x A + D| has the second derivative -tr((x A + D)^-1 A (x A + D)^-1 A).
    ratio = np.linalg.solve(1.3 * scaled + fixed, scaled)
    for second in (jax.jacfwd(jax.grad(log_det)), jax.grad(jax.grad(log_det))):
        result = float(jax.jit(second)(1.3))
        np.testing.assert_allclose(result, -np.trace(ratio @ ratio), rtol=1e-11)
