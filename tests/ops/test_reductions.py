"""Logarithms of sums of exponentials, with terms that are zero."""

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import ops

pytestmark = pytest.mark.core

INF = np.inf
X = np.array(
    [
        [0.1, 2.0, -INF, 3.0],
        [-INF] * 4,
        [-INF, -INF, 2.0, 3.0],
        [30.0, 29.0, -1e3, 0.0],
        [-INF, 1e-3, -INF, 1e-3],
    ]
)


def array(x):
    return keras.ops.convert_to_numpy(x)


def test_logsumexp(dtype):
    options = [
        {"axis": axis, "keepdims": keepdims}
        for axis in (None, 0, 1, -1, (0, 1))
        for keepdims in (False, True)
    ]
    x = ops.convert_to_tensor(X.astype(dtype))
    results = ops.compile(lambda x: [ops.logsumexp(x, **option) for option in options])(x)
    near = 1e-6 if dtype == "float32" else 1e-15
    for option, result in zip(options, results, strict=True):
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        expected = special.logsumexp(X, **option)
        assert tuple(result.shape) == np.shape(expected), option
        np.testing.assert_allclose(array(result), expected, rtol=near, err_msg=str(option))


@pytest.mark.filterwarnings("error:You are using a softmax")
def test_softmax_of_one_term(derivative):
    x = np.array([[2.0], [-5.0], [0.0]], "float32")
    for axis in (1, -1):
        np.testing.assert_array_equal(array(ops.softmax(x, axis)), np.ones((3, 1)))
    assert (derivative(ops.softmax, x) == 0).all()
    assert ops.softmax(keras.KerasTensor((None, 1))).shape == (None, 1)
    np.testing.assert_allclose(array(ops.softmax(x, 0)), special.softmax(x, 0), rtol=1e-6)


def test_logcumsumexp(dtype):
    for x, axis in ((X, -1), (X, 1), (X.T.copy(), 0)):
        result = ops.compile(lambda v, axis=axis: ops.logcumsumexp(v, axis))(
            ops.convert_to_tensor(x.astype(dtype))
        )
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        expected = np.logaddexp.accumulate(x, axis=axis)
        np.testing.assert_allclose(
            array(result), expected, rtol=2e-6 if dtype == "float32" else 1e-14
        )


def test_gradients_are_finite_and_zero_where_nothing_is(dtype, derivative):
    x = X.astype(dtype)

    def finite_sum(values):
        return ops.sum(ops.where(ops.isfinite(values), values, 0.0))

    softmax = np.where(np.isfinite(X), special.softmax(np.maximum(X, -1e300), axis=1), 0.0)
    slope = derivative(lambda v: finite_sum(ops.logsumexp(v, axis=1)), x)
    # A float32 value of 30 has an error of 2e-6, which is one of its exponential.
    np.testing.assert_allclose(slope, softmax, rtol=1e-5, atol=1e-30)

    slope = derivative(lambda v: finite_sum(ops.logcumsumexp(v, axis=1)), x)
    expected = np.zeros_like(X)
    for i in range(4):
        head = X[:, : i + 1]
        weights = special.softmax(np.maximum(head, -1e300), axis=1)
        expected[:, : i + 1] += np.where(np.isfinite(head), weights, 0.0)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("name", ["logsumexp", "log_softmax", "cumprod", "cumsum", "flip", "sort"])
def test_those_that_are_used_keep_float64(name, float64):
    x = ops.convert_to_tensor(np.array([[0.3, 0.7, 0.1, 1e-12]]))
    references = {
        "log_softmax": special.log_softmax,
        "logsumexp": special.logsumexp,
        **{n: getattr(np, n) for n in ("cumprod", "cumsum", "flip", "sort")},
    }
    result = getattr(ops, name)(x, axis=-1)
    assert keras.backend.standardize_dtype(result.dtype) == "float64"
    np.testing.assert_allclose(array(result), references[name](array(x), axis=-1), rtol=1e-15)


def test_argsort_and_take_along_axis_belong_together(float64):
    x = ops.convert_to_tensor(np.array([[0.3, -INF, 1.0 + 1e-12, 1.0]]))
    order = ops.argsort(x, axis=-1)
    np.testing.assert_array_equal(array(order), [[1, 0, 3, 2]])
    result = ops.take_along_axis(x, order, axis=-1)
    np.testing.assert_array_equal(array(result), np.sort(array(x), axis=-1))


def test_log_softmax_with_terms_that_are_zero(dtype, derivative):
    x = np.array([0.1, 2.0, -INF, 3.0], dtype)
    result = array(ops.log_softmax(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(result, special.log_softmax(x), rtol=1e-6)
    slope = derivative(lambda v: ops.log_softmax(v)[0], x)
    np.testing.assert_allclose(slope, [1, 0, 0, 0] - special.softmax(x), rtol=1e-5, atol=1e-12)


def test_a_functional_model_holds_logsumexp():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ops.logsumexp(inputs, axis=-1))
    result = array(model(np.zeros((2, 3), "float32")))
    np.testing.assert_allclose(result, np.log(3), rtol=1e-6)


def test_shares_near_one_keep_their_digits(dtype):
    # Two that are largest, and one that is nearly all.
    x = np.array([[17.0, 0.0, -3.0], [1.0, 50.0, 2.0], [2.0, 2.0, -1.0]], dtype)
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype)
    chooser = ops.convert_to_tensor(weights)

    def chosen(function):
        return lambda x: ops.sum(chooser * function(x), axis=-1)

    def everything(x):
        slopes = [ops.values_and_gradients(chosen(f), x)[1] for f in (ops.softmax, ops.log_softmax)]
        return ops.stack([ops.log_softmax(x), *slopes])

    found = array(ops.compile(everything)(ops.convert_to_tensor(x)))
    x = x.astype("float64")
    shares = special.softmax(x, axis=-1)
    own = np.sum(weights * shares, axis=-1, keepdims=True)
    rest = np.sum((1 - weights) * shares, axis=-1, keepdims=True)
    by_log = np.where(weights, rest, -shares)
    log_shares = np.where(weights, np.log1p(-rest), x - special.logsumexp(x, -1, keepdims=True))
    expected = [log_shares, own * by_log, by_log]
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps)
