"""Incomplete gamma and beta functions against mpmath and SciPy, and their derivatives."""

import functools

import keras
import mpmath
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops

pytestmark = pytest.mark.core

_rng = np.random.default_rng(0)
SIZE = 150


def _float32(x):
    """Numbers that are the same in float32 and float64."""
    return np.asarray(x, "float32").astype("float64")


def evaluate(f, *arguments, dtype):
    result = ops.compile(f)(*(ops.convert_to_tensor(np.asarray(x, dtype)) for x in arguments))
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    return keras.ops.convert_to_numpy(result).astype("float64")


@functools.cache
def gamma_cases():
    """The arguments a, x; P and Q by mpmath; and x times the density, by which errors of x grow."""
    a = _float32(10.0 ** _rng.uniform(-3, 4, SIZE))
    a[:20] = _float32(_rng.uniform(15, 25, 20))
    x = special.gammaincinv(a, _rng.uniform(0, 1, SIZE))
    x[50:100] = a[50:100] * np.abs(1 + 5 * _rng.normal(size=50) / np.sqrt(a[50:100]))
    x[100:] = a[100:] * 10.0 ** _rng.uniform(-2, 0.7, 50)
    x = _float32(np.maximum(x, 1e-20))
    with mpmath.workdps(30):
        values = [
            [mpmath.gammainc(p, 0, q, regularized=True), mpmath.gammainc(p, q, regularized=True)]
            for p, q in zip(map(mpmath.mpf, a), map(mpmath.mpf, x), strict=True)
        ]
    lower, upper = np.array(values, dtype=float).T
    return a, x, lower, upper, x * stats.gamma.pdf(x, a)


TOLERANCE = {"float32": 4e-6, "float64": 3e-14}


@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
@pytest.mark.few(2)
def test_incomplete_gamma(name, dtype):
    a, x, lower, upper, sensitivity = gamma_cases()
    expected = lower if name == "gammainc" else upper
    seen = expected > 1e-30
    assert seen.sum() > 120
    result = evaluate(getattr(ops, name), a, x, dtype=dtype)
    error = np.abs(result - expected)[seen] / (expected + sensitivity)[seen]
    assert error.max() < TOLERANCE[dtype]
    np.testing.assert_allclose(result[~seen], 0, atol=1e-29)


@functools.cache
def beta_cases():
    a, b = _float32(10.0 ** _rng.uniform(-3, 4, (2, SIZE)))
    a[:20], b[:20] = _float32(_rng.uniform(15, 25, 20)), _float32(_rng.uniform(15, 3000, 20))
    mean = a / (a + b)
    x = special.betaincinv(a, b, _rng.uniform(0, 1, SIZE))
    spread = np.sqrt(mean * (1 - mean) / (a + b + 1))
    x[75:] = (mean + 4 * spread * _rng.normal(size=SIZE))[75:]
    x = _float32(np.clip(x, 1e-20, 0.9999))
    # SciPy's has 14 digits here (checked against mpmath, which takes minutes).
    return a, b, x, special.betainc(a, b, x), x * stats.beta.pdf(x, a, b)


def test_incomplete_beta(dtype):
    a, b, x, expected, sensitivity = beta_cases()
    result = evaluate(ops.betainc, a, b, x, dtype=dtype)
    below = x * (b + 1) <= (a + 1) * (1 - x)
    seen = expected > 1e-30
    assert (below & seen).sum() > 50
    # Relative below the mean, and absolute above, where 1 - I is what is computed.
    scale = np.where(below, expected, 1.0) + sensitivity
    error = np.abs(result - expected)[seen] / scale[seen]
    assert error.max() < {"float32": 5e-6, "float64": 5e-14}[dtype]
    np.testing.assert_allclose(result[~seen], 0, atol=1e-29)


# (a, b, x, I) by quadrature or a hypergeometric series in mpmath, with 40 digits.
BETA = [
    (0.001, 2.0, 0.25, 0.9993636271006047),
    (2.0, 0.001, 0.75, 0.00063637289939530445),
    (1e4, 1e-3, 0.9999, 0.00021960833856670663),
    (3.5, 1e4, 0.0002, 0.22032626879411573),
    (25.0, 5000.0, 0.003, 0.011659550879943756),
    (1e4, 1e4, 0.49, 0.0023370593301101495),
    (1e4, 30.0, 0.995, 0.00083961867339021438),
    (1e6, 2e6, 0.333, 0.11032283951664962),
]


def test_incomplete_beta_to_the_last_digits(float64):
    *arguments, expected = np.array(BETA).T
    result = evaluate(ops.betainc, *arguments, dtype="float64")
    # At 1e6 one unit in the last place of x is 1e-13 of the value.
    np.testing.assert_allclose(result, expected, rtol=2e-12)


LIMITS = {
    "gammainc": [
        (2.0, 0.0, 0.0),
        (2.0, np.inf, 1.0),
        (np.inf, 3.0, 0.0),
        (-1.0, 3.0, np.nan),
        (np.nan, 1.0, np.nan),
        (1e-3, 1e6, 1.0),
        (5e3, 1.0, 0.0),
    ],
    "gammaincc": [
        (2.0, 0.0, 1.0),
        (30.0, np.inf, 0.0),
        (2.0, -1.0, np.nan),
        (5e3, 1.0, 1.0),
    ],
    "betainc": [
        (2.0, 3.0, 0.0, 0.0),
        (2.0, 3.0, 1.0, 1.0),
        (200.0, 300.0, 1.0, 1.0),
        (2.0, 3.0, 1.1, np.nan),
        (2.0, -3.0, 0.5, np.nan),
        (2.0, 3.0, np.nan, np.nan),
        (1e4, 1e4, 0.9, 1.0),
        (1e4, 1e4, 0.1, 0.0),
    ],
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.few(3)
def test_limits(name, dtype):
    *arguments, expected = np.array(LIMITS[name]).T
    result = evaluate(getattr(ops, name), *arguments, dtype=dtype)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
def test_densities_are_the_derivatives_by_x(dtype, derivative):
    tolerance = {"float32": 2e-5, "float64": 1e-11}[dtype]  # SciPy's own has 11 digits
    a, x, *_ = gamma_cases()
    fixed = ops.convert_to_tensor(a.astype(dtype))
    density = stats.gamma.pdf(x, a)
    seen = (density > 1e-30) & (density < 1e30)
    growth = 1 + np.abs(a - 1 - x)  # of an error of x
    for function, sign in ((ops.gammainc, 1.0), (ops.gammaincc, -1.0)):
        slope = derivative(lambda v, f=function: f(fixed, v), x.astype(dtype))
        assert np.isfinite(slope).all()
        error = np.abs(sign * slope[seen] / density[seen] - 1)
        assert (error < tolerance * growth[seen]).all()

    a, b, x, *_ = beta_cases()
    first, second = (ops.convert_to_tensor(v.astype(dtype)) for v in (a, b))
    density = stats.beta.pdf(x, a, b)
    seen = (density > 1e-30) & (density < 1e30)
    growth = 1 + np.abs((a - 1) - (b - 1) * x / (1 - x))
    slope = derivative(lambda v: ops.betainc(first, second, v), x.astype(dtype))
    assert np.isfinite(slope).all()
    assert (np.abs(slope[seen] / density[seen] - 1) < tolerance * growth[seen]).all()


@pytest.mark.slow
def test_densities_at_the_ends(dtype, derivative):
    a = ops.convert_to_tensor(np.array([0.5, 1.0, 2.0, 30.0], dtype))
    zero, one = np.zeros(4, dtype), np.ones(4, dtype)
    np.testing.assert_array_equal(
        derivative(lambda v: ops.gammainc(a, v), zero), [np.inf, 1.0, 0.0, 0.0]
    )
    np.testing.assert_array_equal(
        derivative(lambda v: ops.betainc(a, 3.0, v), zero), [np.inf, 3.0, 0.0, 0.0]
    )
    np.testing.assert_array_equal(
        derivative(lambda v: ops.betainc(3.0, a, v), one), [np.inf, 3.0, 0.0, 0.0]
    )


def differences(f, a, step):
    return (8 * (f(a + step) - f(a - step)) - f(a + 2 * step) + f(a - 2 * step)) / (12 * step)


@pytest.mark.slow
def test_derivatives_by_the_parameters(dtype, derivative):
    a = np.array([0.05, 0.7, 3.0, 15.0, 60.0, 150.0, 900.0], dtype)
    x = (a * np.array([0.1, 1.3, 0.8, 1.2, 0.9, 1.1, 0.97])).astype(dtype)
    wide_a, wide_x = a.astype(float), x.astype(float)
    step = 1e-3 * wide_a / (1 + np.sqrt(wide_a))
    expected = differences(lambda v: special.gammainc(v, wide_x), wide_a, step)
    fixed = ops.convert_to_tensor(x)
    # PyTorch's slope of a gamma draw has three digits.
    limit = 1e-3 if keras.backend.backend() == "torch" else 5e-5 if dtype == "float32" else 1e-7
    for function, sign in ((ops.gammainc, 1.0), (ops.gammaincc, -1.0)):
        slope = derivative(lambda v, f=function: f(v, fixed), a)
        np.testing.assert_allclose(sign * slope, expected, rtol=limit)

    b = np.array([2.0, 0.4, 3.0, 400.0, 70.0, 0.9, 3e3], dtype)
    wide_b = b.astype(float)
    x = (a / (a + b) * np.array([0.5, 1.1, 0.9, 1.2, 0.9, 1.001, 1.01], dtype)).astype(dtype)
    wide_x, fixed = x.astype(float), ops.convert_to_tensor(x)
    by_a = differences(lambda v: special.betainc(v, wide_b, wide_x), wide_a, step)
    step = 1e-3 * wide_b / (1 + np.sqrt(wide_b))
    by_b = differences(lambda v: special.betainc(wide_a, v, wide_x), wide_b, step)
    limits = {"float32": (1e-3, 1e-5), "float64": (1e-8, 1e-10)}[dtype]
    first, second = ops.convert_to_tensor(a), ops.convert_to_tensor(b)
    slope = derivative(lambda v: ops.betainc(v, second, fixed), a)
    np.testing.assert_allclose(slope, by_a, rtol=limits[0], atol=limits[1])
    slope = derivative(lambda v: ops.betainc(first, v, fixed), b)
    np.testing.assert_allclose(slope, by_b, rtol=limits[0], atol=limits[1])


@pytest.mark.slow
def test_they_broadcast_and_take_numbers():
    assert tuple(ops.gammainc(np.ones((3, 1), "float32"), np.ones(4, "float32")).shape) == (3, 4)
    x = np.full((2, 1, 1), 0.3, "float32")
    result = ops.betainc(np.ones((3, 1), "float32"), np.ones(4, "float32"), x)
    assert tuple(result.shape) == (2, 3, 4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(result), 0.3, rtol=1e-6)
