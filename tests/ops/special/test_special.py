"""Special functions against SciPy, their derivatives, and the places where they are delicate."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

from kelbo import ops

pytestmark = pytest.mark.core

TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


def evaluate(f, *arguments, dtype):
    tensors = [ops.convert_to_tensor(np.asarray(x, dtype=dtype)) for x in arguments]
    result = ops.compile(f)(*tensors)  # eager JAX would compile op by op, which takes longer
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    return keras.ops.convert_to_numpy(result)


def evaluate_each(cases, dtype):
    """The values of functions of `ops`, of (name, array); in one program."""
    names, arrays = zip(*cases, strict=True)

    def each(*tensors):
        return [getattr(ops, name)(x) for name, x in zip(names, tensors, strict=True)]

    results = ops.compile(each)(*(ops.convert_to_tensor(np.asarray(x, dtype)) for x in arrays))
    assert {keras.backend.standardize_dtype(x.dtype) for x in results} == {dtype}
    return [keras.ops.convert_to_numpy(x) for x in results]


POSITIVE = np.logspace(-6, 6, 200)
REAL = np.concatenate([-POSITIVE, POSITIVE])
BETWEEN = np.concatenate([np.logspace(-30, -1, 60), np.linspace(0.1, 0.9999, 60)])
OFF_POLES = np.concatenate([POSITIVE, -np.linspace(0.1, 9.95, 78)])

UNARY = {
    "lgamma": (special.gammaln, OFF_POLES),
    "digamma": (special.digamma, OFF_POLES),
    "logit": (special.logit, BETWEEN),
    "softplus_inverse": (lambda y: y + np.log(-np.expm1(-y)), POSITIVE),
    "log1mexp": (
        lambda x: np.where(
            np.abs(x) < 0.7, np.log(-np.expm1(-np.abs(x))), np.log1p(-np.exp(-np.abs(x)))
        ),
        np.concatenate([-POSITIVE[POSITIVE < 50], POSITIVE[POSITIVE < 50]]),
    ),
    "normal_cdf": (special.ndtr, np.linspace(-12, 12, 241)),
    "normal_quantile": (special.ndtri, BETWEEN),
    "log_normal_cdf": (special.log_ndtr, np.linspace(-100, 9, 1091)),
}


def test_values_agree_with_scipy(dtype):
    found = evaluate_each([(name, x) for name, (_, x) in UNARY.items()], dtype)
    for (name, (reference, x)), values in zip(UNARY.items(), found, strict=True):
        # The error counts against 1 + |value|: these functions have roots.
        expected = reference(x.astype(dtype).astype("float64"))
        near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        np.testing.assert_allclose(values, expected, err_msg=name, **near)


def _normal_hazard(x):
    """The derivative of log Φ, φ / Φ, without underflow."""
    return np.exp(-0.5 * x * x - 0.5 * np.log(2 * np.pi) - special.log_ndtr(x))


DERIVATIVES = {
    "lgamma": (special.digamma, POSITIVE[POSITIVE > 1e-3]),
    "digamma": (lambda x: special.polygamma(1, x), POSITIVE[POSITIVE > 1e-3]),
    "logit": (lambda p: 1 / (p * (1 - p)), BETWEEN[BETWEEN < 0.99]),
    "softplus_inverse": (lambda y: -1 / np.expm1(-y), POSITIVE),
    "log1mexp": (lambda x: np.sign(x) / np.expm1(np.abs(x)), REAL[np.abs(REAL) < 50]),
    "normal_cdf": (lambda x: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi), np.linspace(-9, 9, 91)),
    "normal_quantile": (
        lambda p: np.sqrt(2 * np.pi) * np.exp(0.5 * special.ndtri(p) ** 2),
        np.linspace(0.01, 0.99, 50),
    ),
    "log_normal_cdf": (_normal_hazard, np.linspace(-30, 9, 391)),
}


def test_derivatives_are_right(dtype, derivatives):
    arrays = [x.astype(dtype) for _, x in DERIVATIVES.values()]
    found = derivatives([getattr(ops, name) for name in DERIVATIVES], arrays)
    for (name, (reference, _)), x, slopes in zip(DERIVATIVES.items(), arrays, found, strict=True):
        tolerance = {"float32": 3e-5, "float64": 2e-11}[dtype]
        if name == "digamma":  # PyTorch's trigamma has nine digits
            tolerance = max(tolerance, 1e-9)
        near = {"rtol": tolerance, "atol": tolerance * 1e-3}
        np.testing.assert_allclose(slopes, reference(x.astype("float64")), err_msg=name, **near)


FAR_OUT = {
    "log_normal_cdf": np.linspace(-100, 100, 401),
    "normal_cdf": np.linspace(-100, 100, 401),
    "log1mexp": np.concatenate([-np.logspace(-7, 3, 60), np.logspace(-7, 3, 60)]),
    "softplus_inverse": np.logspace(-7, 4, 60),
}


def test_gradients_are_finite_far_out(dtype, derivatives):
    arrays = [x.astype(dtype) for x in FAR_OUT.values()]
    slopes = derivatives([getattr(ops, name) for name in FAR_OUT], arrays)
    for name, *found in zip(FAR_OUT, slopes, evaluate_each(FAR_OUT.items(), dtype), strict=True):
        assert all(np.isfinite(x).all() for x in found), name


def test_log_normal_cdf_keeps_its_derivative_in_the_tail(float64, derivative):
    # φ / Φ at -x is x + 1/x - 2/x³ + ...
    x = np.array([-1e2, -1e3, -1e5])
    expected = -x - 1 / x + 2 / x**3
    np.testing.assert_allclose(derivative(ops.log_normal_cdf, x), expected, rtol=1e-9)


# (a, b, log B(a, b)) to 17 digits, by mpmath with 50 digits.
BETALN = [
    (1e-3, 1e8, 6.888758204644896),
    (1e-3, 1e-3, 7.600900817008347),
    (1.0, 1e8, -18.420680743952367),
    (2.0, 1e5, -23.025860929890456),
    (1e8, 1e8, -138629444.05681732),
    (5.0, 50.0, -16.57631448650235),
    (9.0, 9.0, -12.295867644646389),
    (1e3, 1e-3, 6.900271629687955),
    (0.5, 0.5, 1.1447298858494002),
    (8.0, 8.0, -10.848948661710063),
    (1e-6, 3.0, 13.8155090579649),
]


def test_betaln_to_the_last_digits(dtype):
    a, b, expected = np.array(BETALN).T
    tolerance = {"float32": 2e-6, "float64": 2e-15}[dtype]
    if dtype == "float32":  # 1e-3 and 1e-6 are other numbers there
        expected = special.betaln(a.astype(dtype).astype(float), b.astype(dtype).astype(float))
    for first, second in ((a, b), (b, a)):
        result = evaluate(ops.betaln, first, second, dtype=dtype)
        np.testing.assert_allclose(result, expected, rtol=tolerance)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(a=st.floats(-4, 6), b=st.floats(-4, 6))
def test_betaln_obeys_its_recurrence(a, b, float64):
    # B(a + 1, b) = B(a, b) a / (a + b). SciPy is no reference here: where a and b are far apart it
    # is off by some million units in the last place.
    a, b = 10.0**a, 10.0**b
    here, there = keras.ops.convert_to_numpy(
        ops.betaln(np.array([a, a + 1]), ops.convert_to_tensor(np.array([b, b])))
    )
    size = abs(here) + abs(there) + 1
    # What a + 1 loses to rounding counts with the derivative, about log(1 + b / a).
    lost = abs((a + 1) - a - 1) * np.log1p(b / a)
    np.testing.assert_allclose(there - here, -np.log1p(b / a), atol=4e-15 * size + 2 * lost)


def test_betaln_derivatives(float64, derivative):
    a = np.array([1e-3, 0.5, 3.0, 7.999, 8.001, 40.0, 1e4, 3.0, 1e5])
    b = np.array([2.0, 0.5, 9.0, 30.0, 8.5, 3.0, 1e4, 1e5, 1e-2])
    fixed = ops.convert_to_tensor(b)
    expected = special.digamma(a) - special.digamma(a + b)
    np.testing.assert_allclose(
        derivative(lambda x: ops.betaln(x, fixed), a), expected, rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize(
    ("name", "reference", "pole"), [("xlogy", special.xlogy, 0.0), ("xlog1py", special.xlog1py, -1)]
)
def test_a_zero_factor_wins(name, reference, pole, dtype, derivative):
    f = getattr(ops, name)
    x = np.array([0.0, 0.0, 0.0, 0.0, 2.0, 3.0], dtype)
    y = np.array([pole, 0.5, np.inf, pole - 1, 0.5, 4.0], dtype)
    np.testing.assert_allclose(
        evaluate(f, x, y, dtype=dtype), reference(x, y), rtol=TOLERANCE[dtype]
    )
    by_x = derivative(lambda v: f(v, ops.convert_to_tensor(y)), x)
    by_y = derivative(lambda v: f(ops.convert_to_tensor(x), v), y)
    logarithm = reference(np.ones_like(y[[1, 4, 5]]), y[[1, 4, 5]])
    np.testing.assert_allclose(by_x[[1, 4, 5]], logarithm, rtol=TOLERANCE[dtype])
    np.testing.assert_array_equal(by_x[[0, 2, 3]], 0)
    np.testing.assert_allclose(
        by_y, np.where(x == 0, 0, x / np.where(x == 0, 1, y - pole)), rtol=TOLERANCE[dtype]
    )


def test_a_pole_without_a_zero_factor_stays_a_pole():
    assert evaluate(ops.xlogy, 2.0, 0.0, dtype="float32") == -np.inf
    assert np.isnan(evaluate(ops.xlogy, 2.0, -1.0, dtype="float32"))
    assert np.isnan(evaluate(ops.xlogy, 0.0, np.nan, dtype="float32"))


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(y=st.floats(1e-300, 1e6))
def test_softplus_inverse_is_the_inverse(y, float64):
    x = ops.softplus_inverse(ops.convert_to_tensor(np.array(y)))
    np.testing.assert_allclose(np.logaddexp(0, keras.ops.convert_to_numpy(x)), y, rtol=1e-12)


LIMITS = [
    ("log1mexp", 0.0, -np.inf),
    ("softplus_inverse", 0.0, -np.inf),
    ("softplus_inverse", -1.0, np.nan),
    ("logit", 0.0, -np.inf),
    ("logit", 1.0, np.inf),
    ("normal_quantile", 0.0, -np.inf),
    ("normal_quantile", 1.0, np.inf),
    ("normal_quantile", 1.1, np.nan),
    ("normal_cdf", np.inf, 1.0),
    ("normal_cdf", -np.inf, 0.0),
    ("log_normal_cdf", np.inf, 0.0),
    ("log_normal_cdf", -np.inf, -np.inf),
    ("lgamma", 0.0, np.inf),
]


def test_limits(dtype):
    found = evaluate_each([(name, x) for name, x, _ in LIMITS], dtype)
    for (name, x, expected), value in zip(LIMITS, found, strict=True):
        np.testing.assert_array_equal(value, expected, err_msg=f"{name}({x})")


def test_arguments_of_several_kinds_share_a_dtype(float64):
    wide = ops.convert_to_tensor(np.array([1.5, 2.5]))
    narrow = ops.cast(wide, "float32")
    name = lambda x: keras.backend.standardize_dtype(x.dtype)  # noqa: E731
    assert name(ops.betaln(wide, narrow)) == "float64"
    assert name(ops.betaln(narrow, 2)) == "float32"
    assert name(ops.betaln(narrow, np.array([1.0, 2.0]))) == "float32"
    assert name(ops.betaln(np.array([1.0, 2.0]), 3)) == "float64"
    assert name(ops.lgamma(ops.convert_to_tensor([1, 2]))) == "float32"
    assert name(ops.lgamma(keras.Variable(np.ones(2), dtype="float64"))) == "float64"
    assert name(ops.lgamma([1.0, 2.0])) == "float32"


def test_broadcasting():
    result = ops.betaln(np.ones((3, 1), "float32"), np.ones((1, 4), "float32"))
    assert tuple(result.shape) == (3, 4)
