"""The probability of an interval under the normal, in the middle and in both tails."""

import keras
import mpmath
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core

_rng = np.random.default_rng(0)


def _float32(x):
    return np.asarray(x, "float32").astype("float64")


# fmt: off
A = [-30, 30, -31, -1, 0, 5, -5, -2, 1e-3, -40, -np.inf, 3, -np.inf, 10, -30, -1e-4, 0, 29.5, -100,
     0.3, -2.83, -1.4, -np.inf]
B = [-29, 30.5, -30.99, 1, 1e-3, np.inf, 5, 7, 1.1e-3, 40, -30, np.inf, np.inf, 10.00001, 30, 1e-4,
     37, 30, -99, 0.30001, 0, 1.5, 30]
# fmt: on
_A = 6 * _rng.normal(size=60)
A, B = _float32([*A, *_A]), _float32([*B, *(_A + 10.0 ** _rng.uniform(-4, 1.2, 60))])


def reference(a, b):
    if a > 0:
        a, b = -b, -a
    # So many digits that erfc, which is 1e-350 at 40, is not lost beside 2.
    with mpmath.workdps(40 if b < 0 else 400):
        lower, upper = (mpmath.erfc(-mpmath.mpf(z) / mpmath.sqrt(2)) / 2 for z in (a, b))
        if upper - lower < 1e-9 * upper:
            with mpmath.workdps(120):
                return reference_difference(a, b)
        return float(mpmath.log(upper - lower))


def reference_difference(a, b):
    lower, upper = (mpmath.erfc(-mpmath.mpf(z) / mpmath.sqrt(2)) / 2 for z in (a, b))
    return float(mpmath.log(upper - lower))


EXPECTED = np.array([reference(a, b) for a, b in zip(A, B, strict=True)])


def test_values(dtype):
    a, b = (ops.convert_to_tensor(x.astype(dtype)) for x in (A, B))
    result = ops.compile(ops.log_normal_cdf_difference)(a, b)
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    result = keras.ops.convert_to_numpy(result).astype("float64")
    tolerance = {"float32": 1e-6, "float64": 3e-15}[dtype]
    # Its logarithm is as good as the probability: the error counts against 1 + |value|. What is
    # nearly all of the mass has its logarithm to full relative accuracy.
    np.testing.assert_allclose(result, EXPECTED, rtol=tolerance, atol=tolerance)
    sure = EXPECTED > -1e-3
    np.testing.assert_allclose(result[sure], EXPECTED[sure], rtol=3 * tolerance, atol=1e-37)


def test_gradients(dtype, derivative):
    a, b = (ops.convert_to_tensor(x.astype(dtype)) for x in (A, B))
    by_a = derivative(lambda v: ops.log_normal_cdf_difference(v, b), A.astype(dtype))
    by_b = derivative(lambda v: ops.log_normal_cdf_difference(a, v), B.astype(dtype))
    log_density = lambda x: -0.5 * x**2 - 0.5 * np.log(2 * np.pi)  # noqa: E731
    # An error of the logarithms, up to 5000, is one of the ratio.
    tolerance = {"float32": 1e-3, "float64": 2e-12}[dtype]
    for slope, expected in (
        (-by_a, np.exp(log_density(A) - EXPECTED)),
        (by_b, np.exp(log_density(B) - EXPECTED)),
    ):
        assert np.isfinite(slope).all()
        np.testing.assert_allclose(slope, expected, rtol=tolerance, atol=1e-35)


def test_limits(dtype):
    a = np.array([2.0, np.inf, 3.0, np.nan], dtype)
    b = np.array([2.0, np.inf, 2.0, 1.0], dtype)
    result = ops.log_normal_cdf_difference(ops.convert_to_tensor(a), ops.convert_to_tensor(b))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(result), [-np.inf, -np.inf, np.nan, np.nan]
    )
