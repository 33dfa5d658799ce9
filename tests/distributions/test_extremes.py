"""Distribution functions, their inverses and gradients where numbers are extreme, by 50 digits."""

from functools import partial

import keras
import mpmath as mp
import numpy as np
import pytest

from kelbo import distributions as kd
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

# Of a quantile: a unit in the last place of a share of a power x^a moves it by 1 / a units.
TOLERANCE = {"float32": 3e-5, "float64": 1e-11}


def phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def truncated(low, high):
    low, high = mp.mpf(low), mp.mpf(high)

    def cdf(x):
        if low > 0:
            return (phi(-low) - phi(-x)) / (phi(-low) - phi(-high))
        return (phi(x) - phi(low)) / (phi(high) - phi(low))

    return cdf


def student_t(df):
    df = mp.mpf(df)

    def cdf(x):
        tail = mp.betainc(df / 2, 0.5, 0, df / (df + x * x), regularized=True) / 2
        return tail if x < 0 else 1 - tail

    return cdf


def gamma(a, rate):
    return lambda x: mp.gammainc(mp.mpf(a), 0, rate * x, regularized=True)


def inverse_gamma(a):
    return lambda x: mp.gammainc(mp.mpf(a), 1 / x, regularized=True)


def beta(a, b):
    return lambda x: mp.betainc(mp.mpf(a), mp.mpf(b), 0, x, regularized=True)


def continuous_bernoulli(eta):
    return lambda x: mp.expm1(mp.mpf(eta) * x) / mp.expm1(mp.mpf(eta))


INF = float("inf")
# A distribution, its function, arguments at which the function is compared, and probabilities
# whose quantiles are handed back to it. All are exact in both dtypes, or shares of no consequence.
CASES = {
    "truncated normal": (
        lambda dtype: kd.TruncatedNormal(0.0, 1.0, -10.0, 1.0, dtype=dtype),
        truncated(-10, 1),
        (-9.5, -6.0, -2.0, 0.5),
        (1e-20, 1e-6, 0.3, 0.875),
    ),
    "truncated normal, tail": (
        lambda dtype: kd.TruncatedNormal(0.0, 1.0, -INF, -3.0, dtype=dtype),
        truncated(-INF, -3),
        (-11.0, -7.0, -3.5),
        (1e-20, 1e-8, 0.25, 0.75),
    ),
    "truncated normal, far": (
        lambda dtype: kd.TruncatedNormal(0.0, 1.0, 30.0, INF, dtype=dtype),
        truncated(30, INF),
        (30.0078125, 30.5),
        (0.25, 0.75),
    ),
    "truncated normal, left of its peak": (
        lambda dtype: kd.TruncatedNormal(0.0, 1.0, -INF, -40.0, dtype=dtype),
        truncated(-INF, -40),
        (-41.5, -40.5),
        (1e-25, 1e-8, 0.5),
    ),
    "student t of few degrees": (
        lambda dtype: kd.StudentT(0.125, 0.0, 1.0, dtype=dtype),
        student_t(0.125),
        (-1e37, -1e20, -1e3, -1.0, 1e3),
        (1e-6, 0.01, 0.2, 0.75),
    ),
    "student t": (
        lambda dtype: kd.StudentT(0.3125, 0.0, 1.0, dtype=dtype),
        student_t(0.3125),
        (-1e20, -1e7, -1e5),
        (1e-10, 1e-4),
    ),
    "student t of three degrees": (
        lambda dtype: kd.StudentT(3.0, 0.0, 1.0, dtype=dtype),
        student_t(3),
        (-1e8, -1e6, -50.0),
        (1e-30, 1e-4),
    ),
    "gamma": (
        lambda dtype: kd.Gamma(2.0**-7, 2.0**-40, dtype=dtype),
        gamma(2.0**-7, 2.0**-40),
        (1e-25, 1e-10, 1e12),
        (0.25, 0.45, 0.5, 0.52, 0.75, 0.999),
    ),
    "inverse gamma": (
        lambda dtype: kd.InverseGamma(2.0**-7, 1.0, dtype=dtype),
        inverse_gamma(2.0**-7),
        (1.0, 1e20, 1e37),
        (0.125, 0.375, 0.75),
    ),
    "beta": (
        lambda dtype: kd.Beta(2.0**-7, 3.0, dtype=dtype),
        beta(2.0**-7, 3),
        (1e-37, 1e-20, 0.25),
        (0.25, 0.52, 0.75, 0.99),
    ),
    "beta at the upper end": (
        lambda dtype: kd.Beta(3.0, 2.0**-7, dtype=dtype),
        lambda x: mp.betainc(2.0**-7, 3, max(1 - x, 0), 1, regularized=True),
        (1e-3, 0.25, 0.5),
        (1e-4, 0.25, 0.75),
    ),
    "weibull": (
        lambda dtype: kd.Weibull(2.0**-4, 2.0**100, dtype=dtype),
        lambda x: -mp.expm1(-((x / 2**100) ** mp.mpf(2.0**-4))),
        (1e-30, 1.0),
        (1e-5, 1e-3, 0.01, 0.99),
    ),
    "continuous bernoulli": (
        lambda dtype: kd.ContinuousBernoulli(logits=2.0, dtype=dtype),
        continuous_bernoulli(2),
        (1e-30, 1e-6, 0.25, 0.875),
        (1e-30, 1e-6, 0.25, 0.875),
    ),
    "continuous bernoulli, steep": (
        lambda dtype: kd.ContinuousBernoulli(logits=64.0, dtype=dtype),
        continuous_bernoulli(64),
        (0.75, 0.875),
        (1e-20, 1e-6, 0.5, 0.875),
    ),
}


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)], indirect=True
)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")  # loops in loops
@pytest.mark.few(4)
def test_both_directions_of_the_distribution_function(name, dtype):
    make, exact, values, probabilities = CASES[name]
    make = make(dtype)
    values, probabilities = np.array(values, dtype), np.array(probabilities, dtype)
    cdf = ops.convert_to_numpy(ops.compile(make.cdf)(ops.convert_to_tensor(values)))
    quantile = ops.compile(make.quantile)(ops.convert_to_tensor(probabilities))
    quantile = ops.convert_to_numpy(quantile)
    assert cdf.dtype == quantile.dtype == dtype
    with mp.workdps(50):
        expected = np.array([float(exact(mp.mpf(float(x)))) for x in values])
        np.testing.assert_allclose(cdf, expected, rtol=TOLERANCE[dtype])
        for p, x in zip(probabilities, quantile, strict=True):
            x, p = mp.mpf(float(x)), mp.mpf(float(p))
            if x == 0 or mp.isinf(x):  # beyond the numbers of the dtype, on its side
                limits = np.finfo(dtype)
                nearest = float(limits.max * mp.sign(x) if x else limits.tiny)
                assert (p > exact(mp.mpf(nearest))) == (x > 0), (float(p), float(x))
                continue
            # To the digits of the quantile: one neighbour of it has less mass below, one more; or
            # to those of the probability, where it hardly moves between the two.
            width, round_off = abs(x) * TOLERANCE[dtype], 4 * float(np.finfo(dtype).eps)
            below, above = exact(x - width) * (1 - round_off), exact(x + width) * (1 + round_off)
            assert below <= p <= above, (float(p), float(x))


def test_gradients_of_a_weibull_density(dtype):
    scale, value = np.array([(1e10, 1e-20), (1e-20, 1e-19), (1e20, 1e-10), (1e-25, 1e-28)]).T
    variables = [keras.Variable(x, dtype=dtype) for x in (np.full(4, 3.0), scale)]

    def total():
        density = kd.Weibull(*variables, validate=False)
        return ops.sum(density.log_prob(ops.convert_to_tensor(value, dtype=dtype)))

    _, gradients = ops.compile(ops.value_and_grad(total, variables), variables)()
    by_k, by_scale = map(ops.convert_to_numpy, gradients)
    z = value / scale
    np.testing.assert_allclose(by_scale * scale, 3.0 * (z**3 - 1.0), rtol=1e-4)
    np.testing.assert_allclose(by_k, 1 / 3 + np.log(z) - z**3 * np.log(z), rtol=1e-4)


# A distribution of one parameter, its distribution function, parameters and probabilities.
QUANTILES = {
    "student t": (
        lambda df: kd.StudentT(df, 0.0, 1.0),
        lambda df, x: mp.betainc(df / 2, 0.5, 0, df / (df + x * x), regularized=True) / 2,
        [(2.0, 1e-30), (3.0, 0.2), (0.5, 1e-10), (40.0, 1e-3)],
    ),
    "gamma": (
        lambda a: kd.Gamma(a, 1.0),
        lambda a, x: mp.gammainc(a, 0, x, regularized=True),
        [(0.5, 1e-15), (0.5, 0.7), (3.0, 1e-30), (300.0, 1e-5)],
    ),
    "inverse gamma": (
        lambda a: kd.InverseGamma(a, 1.0),
        lambda a, x: mp.gammainc(a, 1 / x, regularized=True),
        [(0.5, 1e-15), (3.0, 0.7)],
    ),
    "beta": (
        lambda a: kd.Beta(a, 3.0),
        lambda a, x: mp.betainc(a, 3, 0, x, regularized=True),
        [(2.0, 1e-20), (2.0, 0.7), (0.25, 1e-6)],
    ),
    "von mises": (
        lambda k: kd.VonMises(0.0, k),
        lambda k, x: (
            mp.quad(lambda t: mp.exp(k * mp.cos(t)), [-mp.pi, x]) / (2 * mp.pi * mp.besseli(0, k))
        ),
        [(0.5, 0.125), (30.0, 1e-20), (3.0, 0.3)],
    ),
    "truncated normal": (
        lambda scale: kd.TruncatedNormal(0.0, scale, -10.0, 1.0),
        lambda scale, x: (phi(x / scale) - phi(-10 / scale)) / (phi(1 / scale) - phi(-10 / scale)),
        [(1.0, 1e-20), (1.0, 1e-3), (2.0, 0.9)],
    ),
}


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)], indirect=True
)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "student t" else n for n in QUANTILES]
)
@pytest.mark.few(1)
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")  # loops in loops
def test_derivatives_of_quantiles(name, dtype):
    make, cdf, points = QUANTILES[name]

    def derivatives(theta, p):
        def by_p(x):
            return ops.values_and_gradients(make(theta).quantile, x)[1]

        quantile, by_theta = ops.values_and_gradients(lambda x: make(x).quantile(p), theta)
        return ops.stack([quantile, by_theta, *ops.values_and_gradients(by_p, p)])

    theta, p = (ops.convert_to_tensor(np.array(x, dtype)) for x in zip(*points, strict=True))
    found = ops.convert_to_numpy(ops.compile(derivatives)(theta, p))
    expected = []
    with mp.workdps(40):
        for x, (theta, _) in zip(found[0], np.array(points, dtype), strict=True):
            theta, x = mp.mpf(float(theta)), mp.mpf(float(x))

            def log_cdf(theta, moved, x=x):
                return mp.log(cdf(theta, x * (1 + moved)))

            p, in_theta = cdf(theta, x), mp.diff(lambda t: log_cdf(t, 0), theta)
            in_x, in_xx = (mp.diff(partial(log_cdf, theta), 0, n) / x**n for n in (1, 2))
            second = -(in_xx + in_x**2) / (p**2 * in_x**3)
            expected.append([x, -in_theta / in_x, 1 / (p * in_x), second])
    with np.errstate(over="ignore"):  # infinite in float32
        expected = np.array(expected, dtype="float64").T.astype(dtype)
    tolerance = {"float32": 2e-3, "float64": 1e-6}[dtype]
    np.testing.assert_allclose(found[:3], expected[:3], rtol=tolerance)
    fits = np.abs(expected[3]) < {"float32": 1e30, "float64": 1e300}[dtype]
    np.testing.assert_allclose(found[3][fits], expected[3][fits], rtol=tolerance)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")  # loops in loops
def test_second_derivatives_by_a_parameter(float64):
    """Right, or refused in a sentence."""

    def curvature(quantile, at):
        def slope(x):
            return ops.values_and_gradients(quantile, x)[1]

        return ops.values_and_gradients(slope, ops.convert_to_tensor(np.array([at])))[1]

    refused = [
        lambda a: kd.Gamma(a, 1.0).quantile(0.3),
        lambda a: kd.Gamma(a, 1.0).cdf(0.3),
        lambda a: kd.Gamma(a, 1.0).sample(seed=1),
        lambda a: kd.Beta(a, 2.0).sample(seed=1),
    ]
    for function in refused:
        with pytest.raises(NotImplementedError, match="by its concentration only once"):
            curvature(function, 3.0)

    def truncated(scale):
        return kd.TruncatedNormal(0.0, scale, -1.0, 2.0).quantile(1e-3)

    with mp.workdps(40):

        def exact(scale):
            low, high = phi(-1 / scale), phi(2 / scale)
            share = low + (high - low) * mp.mpf(1e-3)
            return scale * mp.findroot(lambda x: phi(x) - share, -0.9 / scale)

        expected = float(mp.diff(exact, mp.mpf(1.5), 2))
    found = ops.convert_to_numpy(curvature(truncated, 1.5))
    np.testing.assert_allclose(found, expected, rtol=1e-8)
