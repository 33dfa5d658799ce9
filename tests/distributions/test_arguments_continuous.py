"""Continuous families of a number: what their parameters may be, and densities at the ends."""

import math

import keras
import mpmath
import numpy as np
import pytest
from scipy import special, stats

from kelbo import ops
from kelbo.distributions import (
    Cauchy,
    Exponential,
    Gumbel,
    HalfCauchy,
    HalfNormal,
    Kumaraswamy,
    Laplace,
    Logistic,
    LogNormal,
    TruncatedNormal,
    Uniform,
    Weibull,
)

from ..refusals import pattern, refuses_values

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

INF = math.inf


def numbers(x):
    return ops.convert_to_numpy(x)


BAD_VALUES = {
    "log normal": (lambda **k: LogNormal(0.0, -1.0, **k), "LogNormal: scale must be .* is -1"),
    "half normal": (lambda **k: HalfNormal([1.0, 0.0], **k), "HalfNormal: scale must be .* (2,)"),
    "laplace": (lambda **k: Laplace(0.0, 0.0, **k), "Laplace: scale must be greater .* is 0"),
    "logistic": (lambda **k: Logistic(INF, 1.0, **k), "Logistic: loc must be a finite .* is inf"),
    "cauchy": (lambda **k: Cauchy(0.0, np.nan, **k), "Cauchy: scale must be greater .* is NaN"),
    "half cauchy": (lambda **k: HalfCauchy(0.0, -2.0, **k), "HalfCauchy: scale .* is -2"),
    "gumbel": (lambda **k: Gumbel(0.0, -0.5, **k), "Gumbel: scale must be greater .* is -0.5"),
    "exponential": (lambda **k: Exponential(-3.0, **k), "Exponential: rate must be .* is -3"),
    "uniform, infinite": (lambda **k: Uniform(0.0, INF, **k), "Uniform: high must be a finite"),
    "uniform, reversed": (
        lambda **k: Uniform(2.0, 1.5, **k),
        "Uniform: low must be less than high, but low is 2 and high is 1.5.",
    ),
    "uniform, empty": (
        lambda **k: Uniform([[0.0], [1.0]], [2.0, 1.0], **k),
        "Uniform: low must be less than high, but at (1, 1) of shape (2, 2) low is 1 and high is 1",
    ),
    "weibull": (
        lambda **k: Weibull(0.0, 1.0, **k),
        "Weibull: concentration must be greater than 0 .* is 0",
    ),
    "kumaraswamy": (
        lambda **k: Kumaraswamy(1.0, [1.0, -1.0], **k),
        "Kumaraswamy: concentration0 must be greater than 0 .* from -1 to 1",
    ),
    "truncated normal, scale": (
        lambda **k: TruncatedNormal(0.0, 0.0, -1.0, 1.0, **k),
        "TruncatedNormal: scale must be greater than 0 .* is 0",
    ),
    "truncated normal, reversed": (
        lambda **k: TruncatedNormal(0.0, 1.0, 1.0, -1.0, **k),
        "TruncatedNormal: low must be less than high, but low is 1 and high is -1",
    ),
    "truncated normal, nan": (
        lambda **k: TruncatedNormal(0.0, 1.0, np.nan, 1.0, **k),
        "TruncatedNormal: low must be a number, -inf included, .* is NaN",
    ),
    "truncated normal, low end inf": (
        lambda **k: TruncatedNormal(0.0, 1.0, INF, INF, **k),
        "TruncatedNormal: low must be a number, -inf included, .* is inf",
    ),
}


test_bad_values_are_named = refuses_values(BAD_VALUES)


def test_shapes_that_do_not_broadcast_are_named():
    message = "TruncatedNormal: the shapes of the parameters do not broadcast: loc (3,), scale ()"
    with pytest.raises(ValueError, match=pattern(message)):
        TruncatedNormal(np.zeros(3), 1.0, np.zeros(2), 4.0)


def test_defaults():
    for d, low in ((Uniform(), 0.0), (Kumaraswamy(), 0.0), (HalfCauchy(), 0.0)):
        assert (d.batch_shape, d.dtype) == ((), "float32")
        assert np.isneginf(float(d.log_prob(low - 1e-3)))
    assert float(Uniform().log_prob(0.5)) == float(Kumaraswamy().log_prob(0.5)) == 0.0


EVERY = [
    LogNormal(0.0, 1.0),
    HalfNormal(1.0),
    Laplace(0.0, 1.0),
    Logistic(0.0, 1.0),
    Cauchy(0.0, 1.0),
    HalfCauchy(0.0, 1.0),
    Gumbel(0.0, 1.0),
    Exponential(1.0),
    Uniform(0.0, 1.0),
    Weibull(1.5, 1.0),
    Kumaraswamy(2.0, 3.0),
    TruncatedNormal(0.0, 1.0, 0.0, 2.0),
]
# For each, numbers outside of its support.
OUTSIDE = {
    LogNormal: [-1.0, 0.0],
    HalfNormal: [-1e-3],
    HalfCauchy: [-1e-3, -1e30],
    Exponential: [-1e-3, -1e30],
    Uniform: [-1e-3, 1.001, 1e30],
    Weibull: [-1e-3, -5.0],
    Kumaraswamy: [-1e-3, 1.001, 7.0],
    TruncatedNormal: [-1e-3, 2.001, 1e15, -1e15],
}


@pytest.mark.parametrize("d", EVERY, ids=lambda d: type(d).__name__)
@pytest.mark.few(4)
def test_nan_stays_nan_and_outside_there_is_no_mass(d):
    outside = np.array(OUTSIDE.get(type(d), []), "float32")
    value = keras.Variable(outside)
    parameters = {name: keras.Variable(getattr(d, name)) for name in d.parameters}
    known = np.array([np.nan, -INF, INF, *outside], "float32")

    def score():
        scores = type(d)(**parameters).log_prob(value)
        return ops.sum(scores), (scores, d.log_prob(known), d.cdf(known))

    variables = [value, *parameters.values()]
    differentiated = ops.compile(ops.value_and_grad(score, variables, has_aux=True), variables)
    (_, found), gradients = differentiated()
    scores, log_prob, cdf = map(numbers, found)
    assert np.isnan([log_prob[0], cdf[0]]).all()
    assert np.isneginf(log_prob[1:3]).all()
    assert cdf[1:3].tolist() == [0.0, 1.0]
    assert np.isneginf(scores).all()
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)
    assert not numbers(d.support.contains(outside)).any()
    assert set(cdf[3:].tolist()) <= {0.0, 1.0}


# A value at an end where the density is finite; its log density, and the slope from inside.
ENDS = {
    "half normal": (HalfNormal(2.0), 0.0, stats.halfnorm(scale=2.0).logpdf(0.0), 0.0),
    "half cauchy": (HalfCauchy(-1.0, 2.0), -1.0, -math.log(math.pi), 0.0),
    "exponential": (Exponential(3.0), 0.0, math.log(3.0), -3.0),
    "uniform, low": (Uniform(-1.0, 3.0), -1.0, -math.log(4.0), 0.0),
    "uniform, high": (Uniform(-1.0, 3.0), 3.0, -math.log(4.0), 0.0),
    "weibull of concentration 1": (Weibull(1.0, 2.0), 0.0, -math.log(2.0), -0.5),
    "kumaraswamy at 0": (Kumaraswamy(1.0, 3.0), 0.0, math.log(3.0), -2.0),
    "kumaraswamy at 1": (Kumaraswamy(4.0, 1.0), 1.0, math.log(4.0), 3.0),
    "truncated normal, low": (
        TruncatedNormal(0.0, 1.0, 1.0, INF),
        1.0,
        stats.truncnorm(1.0, INF).logpdf(1.0),
        -1.0,
    ),
    "truncated normal, high": (
        TruncatedNormal(0.0, 1.0, -2.0, 1.0),
        1.0,
        stats.truncnorm(-2.0, 1.0).logpdf(1.0),
        -1.0,
    ),
}


def test_the_ends_belong_to_the_support_and_have_finite_gradients():
    each = [d for d, *_ in ENDS.values()]
    values = [keras.Variable(end, dtype="float32") for _, end, *_ in ENDS.values()]
    parameters = [{n: keras.Variable(getattr(d, n)) for n in d.parameters} for d in each]
    variables = [*values, *(v for named in parameters for v in named.values())]

    def score():
        made = [type(d)(**named) for d, named in zip(each, parameters, strict=True)]
        scores = [d.log_prob(value) for d, value in zip(made, values, strict=True)]
        inside = [d.support.contains(value.value) for d, value in zip(each, values, strict=True)]
        return sum(scores), (scores, inside)

    differentiated = ops.compile(ops.value_and_grad(score, variables, has_aux=True), variables)
    (_, (scores, inside)), gradients = differentiated()
    for name, score, slope in zip(ENDS, scores, gradients, strict=False):
        *_, log_prob, expected = ENDS[name]
        assert float(score) == pytest.approx(log_prob, rel=1e-5), name
        assert float(slope) == pytest.approx(expected, abs=1e-6), name
    assert all(np.isfinite(numbers(gradient)).all() for gradient in gradients)
    assert all(map(bool, inside))


def test_densities_at_ends_where_they_are_zero_or_infinite():
    k = np.array([0.5, 2.0], "float32")
    expected = [INF, -INF]
    assert numbers(Weibull(k, 1.0).log_prob(0.0)).tolist() == expected
    assert numbers(Kumaraswamy(k, 2.0).log_prob(0.0)).tolist() == expected
    assert numbers(Kumaraswamy(2.0, k).log_prob(1.0)).tolist() == expected


@pytest.mark.parametrize("d", EVERY, ids=lambda d: type(d).__name__)
@pytest.mark.few(5)
def test_quantiles_of_0_and_1_are_the_ends(d):
    ends = {
        Uniform: (0.0, 1.0),
        Kumaraswamy: (0.0, 1.0),
        TruncatedNormal: (0.0, 2.0),
    }
    line = (Laplace, Logistic, Cauchy, Gumbel)
    low, high = ends.get(type(d), (-INF if isinstance(d, line) else 0.0, INF))
    assert numbers(d.quantile(np.array([0.0, 1.0], "float32"))).tolist() == [low, high]


def test_the_left_tails_of_distribution_functions_keep_their_digits():
    z = np.array([-80.0, -30.0, -5.0], "float32")
    for family, reference in (
        (Laplace, stats.laplace),
        (Logistic, stats.logistic),
        (Cauchy, stats.cauchy),
    ):
        actual = numbers(family(0.0, 1.0).cdf(z))
        np.testing.assert_allclose(actual, reference.cdf(z.astype("float64")), rtol=1e-5)
    x = np.array([1e-30, 1e-10], "float32")
    for d, slope in (
        (Exponential(2.0), 2.0),
        (HalfNormal(1.0), math.sqrt(2.0 / math.pi)),
        (HalfCauchy(0.0, 1.0), 2.0 / math.pi),
        (Weibull(1.0, 0.5), 2.0),
        (Kumaraswamy(1.0, 3.0), 3.0),
        (TruncatedNormal(0.0, 1.0, 0.0, INF), math.sqrt(2.0 / math.pi)),
    ):
        np.testing.assert_allclose(numbers(d.cdf(x)), slope * x.astype("float64"), rtol=1e-5)
        np.testing.assert_allclose(numbers(d.quantile(slope * x)), x, rtol=1e-5)


def test_both_tails_of_quantile_functions_keep_their_digits():
    u = np.array([1e-20, 1e-6, 1.0 - 2.0**-20], "float32")
    for family, reference in ((Laplace, stats.laplace), (Cauchy, stats.cauchy)):
        expected = reference.ppf(u.astype("float64"))
        np.testing.assert_allclose(numbers(family(0.0, 1.0).quantile(u)), expected, rtol=1e-5)


def test_variance_of_weibulls_of_large_concentration():
    # For large k, pi^2 / (6 k^2) to first order; exactly, at 200 and 2000, from ψ' and its kin by
    # the power series of log Γ in float64 with twice the terms.
    k = np.array([10.5, 200.0, 2000.0, 1e5])
    n = np.arange(2, 60)[:, None]
    terms = (-1.0) ** n * special.zeta(n) / n * (2.0**n - 2.0) / k**n
    mean = special.gamma(1.0 + 1.0 / k)
    expected = mean**2 * np.expm1(terms.sum(axis=0))
    actual = numbers(Weibull(k.astype("float32"), 1.0).variance())
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_mode_of_kumaraswamy_at_the_ends():
    a = np.array([0.5, 1.0, 1.0, 3.0, 1.0, 0.5, 3.0], "float32")
    b = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 0.5, 0.5], "float32")
    expected = [0.0, 0.0, 1.0, 1.0, np.nan, np.nan, 1.0]
    np.testing.assert_array_equal(numbers(Kumaraswamy(a, b).mode()), expected)


@pytest.mark.slow
def test_draws_of_extreme_parameters_have_finite_densities_and_gradients():
    cases = (
        (Kumaraswamy, {"concentration1": [0.01, 1.0, 50.0], "concentration0": [1.0, 0.01, 0.02]}),
        (Weibull, {"concentration": [0.02, 0.5, 50.0], "scale": [1.0, 1e-10, 1e10]}),
        (LogNormal, {"loc": [-200.0, 0.0, 60.0], "scale": [1.0, 1e-5, 3.0]}),
        (
            TruncatedNormal,
            {
                "loc": [-3e4, 0.0, 1e6],
                "scale": [1.0, 1e6, 1.0],
                "low": [0.0, 0.0, -INF],
                "high": [INF, 1.0, 2.0],
            },
        ),
    )
    for family, parameters in cases:
        variables = {name: keras.Variable(value) for name, value in parameters.items()}

        def draw(family=family, variables=variables):
            d = family(**variables, validate=False)
            x, log_prob = d.sample_and_log_prob((2000,), seed=1)
            return ops.sum(ops.clip(x, -1e6, 1e6)), (x, log_prob)

        inputs = list(variables.values())
        differentiated = ops.compile(ops.value_and_grad(draw, inputs, has_aux=True), inputs)
        (_, (x, log_prob)), gradients = differentiated()
        assert np.isfinite(numbers(log_prob)).all(), family
        assert numbers(family(**parameters).support.contains(x)).all(), family
        assert all(np.isfinite(numbers(g)).all() for g in gradients), family


def test_kumaraswamy_scores_its_draws_where_they_round_to_1():
    # Nearly all draws are closer to 1 than a float32 can be: log(1 - x) is log(1 - u) / b.
    d = Kumaraswamy(1.0, 0.01)
    _, log_prob = d.sample_and_log_prob((20_000,), seed=0)
    expected = float(np.log(0.01) + 0.99 / 0.01)  # minus the entropy: E[-log(1 - x)] = 1 / b
    error = 0.99 / 0.01 / math.sqrt(20_000)
    assert float(ops.mean(log_prob)) == pytest.approx(expected, abs=5 * error)
    assert float(d.entropy()) == pytest.approx(-expected, rel=1e-4)


def test_truncated_normal_keeps_the_digits_of_draws_next_to_a_far_end():
    # Beyond 3000 standard deviations the rest is exponential, of rate 3000; an interval that is
    # narrow for the scale is nearly uniform.
    d = TruncatedNormal([-3000.0, 0.3], [1.0, 1e7], 0.0, [INF, 1.0])
    far, narrow = numbers(ops.compile(lambda: d.sample(5000, seed=0))()).astype("float64").T
    for x, law in ((far * 3000.0, "expon"), (narrow, "uniform")):
        assert stats.kstest(x, law).pvalue > 1e-4
        assert len(np.unique(x)) > 4900


# Of each form that draws have: plain, narrow, far out, and both of the last.
DRAWN = np.array(
    [
        (0.3, 1.2, -1.0, 2.0),
        (0.0, 1.0, 2.0, INF),
        (0.3, 2.0, 0.2, 0.4),
        (-9.0, 1.0, 0.0, 0.01),
        (-12.0, 1.0, 0.0, INF),
        (7000.0, 2.0, -INF, 0.0),
        (-40.0, 1.0, 0.0, 0.03),
        (1e5, 1.0, 0.0, 1e-6),
    ],
    "float32",
).T


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, len(DRAWN.T)], ids=["plain", "mixed"])
@pytest.mark.usefixtures("quick_compilation", "in_a_graph")  # loops in loops
def test_draws_of_a_truncated_normal_are_quantiles(count):
    variables = [keras.Variable(x) for x in DRAWN[:, :count]]
    u = ops.random.uniform_open((500, count), "float32", seed=3)

    def of_both():
        found = []
        for draw in (lambda d: d.sample(500, seed=3), lambda d: d.quantile(u)):

            def total(draw=draw):
                x = draw(TruncatedNormal(*variables, validate=False))
                return ops.sum(x), x

            (_, x), slopes = ops.value_and_grad(total, variables, has_aux=True)()
            found.append((x, slopes))
        return found

    (drawn, slopes), (expected, exact) = ops.compile(of_both, variables)()
    width = np.ptp(numbers(expected), axis=0)
    assert (np.abs(numbers(drawn) - numbers(expected)) < 1e-5 * width).all()
    for slope, right in zip(map(numbers, slopes), map(numbers, exact), strict=True):
        np.testing.assert_allclose(slope, right, rtol=1e-3, atol=1e-3)


def test_undefined_moments_are_nan_and_infinite_ones_infinite():
    for d, value in ((Cauchy(0.0, [1.0, 2.0]), math.nan), (HalfCauchy(0.0, [1.0, 2.0]), INF)):
        for moment in (d.mean(), d.variance(), d.stddev()):
            np.testing.assert_array_equal(numbers(moment), [value, value])


FAR = {
    "below": (-1e4, 1.0, 0.0, 1.0),
    "far below": (-1e30, 1.0, 0.0, 1.0),
    "far above": (1e30, 1.0, 0.0, 1.0),
    "below, no upper end": (-1e16, 1.0, 0.0, INF),
    "above, no lower end": (1e6, 1.0, -INF, 0.0),
    "small scale": (1e15, 1e-3, 0.0, 1.0),
    "small scale, inside": (0.0, 1e-15, -1.0, 1.0),
    "flat": (0.25, 1e30, 0.0, 1.0),
    "flat and far": (1e30, 1e20, 0.0, 1.0),
}


def _by_mpmath(loc, scale, low, high):
    """Mean less mode, standard deviation, entropy and log density at the mode, in 60 digits."""
    with mpmath.workdps(60):
        loc, scale = (mpmath.mpf(float(np.float32(x))) for x in (loc, scale))
        mode = min(max(loc, mpmath.mpf(low)), mpmath.mpf(high))
        tilt, width = (mode - loc) / scale**2, 1 / (abs(mode - loc) / scale**2 + 1 / scale)
        ends = [max(low - mode, -200 * width), min(high - mode, 200 * width)]
        inner = [k * width for k in (-40, -10, -3, -1, 0, 1, 3, 10, 40)]
        points = [ends[0], *(x for x in inner if ends[0] < x < ends[1]), ends[1]]

        def energy(y):
            return y * (tilt + y / (2 * scale**2))

        def integral(f):
            return mpmath.quad(lambda y: f(y) * mpmath.exp(-energy(y)), points)

        mass = integral(lambda y: 1)
        mean = integral(lambda y: y) / mass
        variance = integral(lambda y: (y - mean) ** 2) / mass
        entropy = mpmath.log(mass) + integral(energy) / mass
        return [float(x) for x in (mean, mpmath.sqrt(variance), entropy, -mpmath.log(mass))]


@pytest.mark.parametrize("parameters", FAR.values(), ids=FAR)
@pytest.mark.slow
def test_truncated_normal_far_from_its_interval(parameters):
    loc, scale, low, high = parameters
    offset, stddev, entropy, peak = _by_mpmath(*parameters)
    d, mode = TruncatedNormal(*parameters), min(max(loc, low), high)
    near = {"rtol": 3e-5, "atol": 1e-37}
    # Beside 1 the distance of the mean to it may be lost.
    np.testing.assert_allclose(float(d.mean()), mode + offset, rtol=3e-5, atol=1e-4 * stddev)
    np.testing.assert_allclose(float(d.stddev()), stddev, **near)
    np.testing.assert_allclose(float(d.variance()), stddev**2, rtol=6e-5, atol=1e-37)
    np.testing.assert_allclose(float(d.entropy()), entropy, rtol=1e-6, atol=5e-6)
    np.testing.assert_allclose(float(d.log_prob(mode)), peak, rtol=1e-6, atol=5e-6)
    drawn = numbers(d.sample(4000, seed=0)).astype("float64")
    assert ((drawn >= low) & (drawn <= high)).all()
    error = 5.0 * stddev / np.sqrt(drawn.size) + 1e-6 * abs(mode)
    assert drawn.mean() == pytest.approx(mode + offset, abs=error)
    assert drawn.std() == pytest.approx(stddev, rel=0.1, abs=1e-7 * abs(mode))
    variables = [keras.Variable(x) for x in (loc, scale)]
    point = d.quantile(0.3)
    _, gradients = ops.compile(
        ops.value_and_grad(
            lambda: TruncatedNormal(*variables, low, high).log_prob(point), variables
        ),
        variables,
    )()
    assert all(np.isfinite(float(gradient)) for gradient in gradients)


def test_truncated_normal_beyond_its_dtype_is_refused():
    message = "TruncatedNormal: loc must be within 1e+36 times scale of the interval .* 3e+38 away"
    with pytest.raises(ValueError, match=pattern(message)):
        TruncatedNormal(3e38, 1e-5, 0.0, 1.0)
    unchecked = TruncatedNormal(3e38, 1e-5, 0.0, 1.0, validate=False)
    for moment in (unchecked.mean, unchecked.variance, unchecked.entropy):
        assert np.isfinite(float(moment()))
