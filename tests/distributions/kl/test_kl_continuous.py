"""Closed-form divergences of continuous families of a number, against quadrature."""

import itertools

import keras
import numpy as np
import pytest
from scipy import integrate, stats

from kelbo import ops
from kelbo.distributions import (
    Cauchy,
    Exponential,
    Gumbel,
    HalfNormal,
    Independent,
    Laplace,
    Logistic,
    LogNormal,
    Uniform,
    Weibull,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

LINE = [(0.3, 0.7), (-2.0, 3.0), (1.5, 0.4)]
# Of each family: parameters by name, sets of them, and SciPy's distribution.
FAMILIES = {
    LogNormal: (("loc", "scale"), LINE, lambda m, s: stats.lognorm(s, scale=np.exp(m))),
    HalfNormal: (("scale",), [(0.5,), (1.0,), (3.0,)], lambda s: stats.halfnorm(scale=s)),
    Laplace: (("loc", "scale"), LINE, stats.laplace),
    Gumbel: (("loc", "scale"), LINE, stats.gumbel_r),
    Cauchy: (("loc", "scale"), [(-2.0, 3.0), (0.3, 0.7), (40.0, 0.05)], stats.cauchy),
    Exponential: (("rate",), [(0.2,), (1.0,), (9.0,)], lambda r: stats.expon(scale=1.0 / r)),
    Weibull: (
        ("concentration", "scale"),
        [(0.8, 2.0), (2.5, 0.6), (1.7, 3.0)],
        lambda k, s: stats.weibull_min(k, scale=s),
    ),
}


def quadrature(q, p):
    """The mean of log q - log p under q, as an integral over the probability below."""

    def ratio(u):
        x = q.ppf(u)
        return q.logpdf(x) - p.logpdf(x)

    # Split where the ratio bends, and at quantiles that crowd towards both ends.
    lower, upper = np.logspace(-18, -1, 35), np.logspace(-13, -1, 25)
    bends = q.cdf(p.ppf(np.array([0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])))
    cuts = np.unique([0.0, *lower, 0.5, *bends, *(1.0 - upper)])
    cuts = cuts[cuts <= 1.0 - upper[0]]  # no nearer to 1, where quantiles have few digits
    pieces = itertools.pairwise(cuts)
    return sum(integrate.fixed_quad(ratio, low, high, n=20)[0] for low, high in pieces)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.few(3)
def test_closed_forms(family, float64):
    names, sets, frozen = FAMILIES[family]
    columns = dict(zip(names, np.array(sets).T, strict=True))

    def divergences(dtype):
        q = family(**{name: value[:, None] for name, value in columns.items()}, dtype=dtype)
        return kl_divergence(q, family(**columns, dtype=dtype))

    found = ops.compile(lambda: [divergences(dtype) for dtype in ("float64", "float32")])()
    actual, narrow = map(ops.convert_to_numpy, found)
    expected = np.array([[quadrature(frozen(*q), frozen(*p)) for p in sets] for q in sets])
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.diag(actual), 0.0, atol=1e-14)
    assert narrow.dtype == "float32"
    np.testing.assert_allclose(narrow, actual, rtol=2e-5, atol=2e-6)


def test_uniforms_inside_and_outside_of_each_other():
    p = Uniform(0.0, 4.0)
    low, high = np.array([0.0, 1.0, -1.0, 3.0]), np.array([4.0, 3.0, 2.0, 4.5])
    variables = [keras.Variable(low), keras.Variable(high)]

    def inside():
        kl = kl_divergence(Uniform(*variables), p)
        return ops.sum(ops.where(ops.isfinite(kl), kl, 0.0)), kl

    (_, kl), gradients = ops.compile(
        ops.value_and_grad(inside, variables, has_aux=True), variables
    )()
    np.testing.assert_allclose(ops.convert_to_numpy(kl), [0.0, np.log(2.0), np.inf, np.inf])
    by_low, by_high = (ops.convert_to_numpy(gradient) for gradient in gradients)
    np.testing.assert_allclose(by_low, [0.25, 0.5, 0.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(by_high, [-0.25, -0.5, 0.0, 0.0], rtol=1e-6)


def test_far_apart_there_is_no_overflow():
    far = kl_divergence(Cauchy(0.0, 1e-15), Cauchy(0.0, 1e15))
    assert float(far) == pytest.approx(np.log(1e30 / 4.0), rel=1e-6)
    far = kl_divergence(Gumbel(1000.0, 1.0), Gumbel(0.0, 1.0))
    assert float(far) == pytest.approx(999.0)  # 1000 - 1 + exp(-1000)
    far = kl_divergence(Laplace(1e6, 1.0), Laplace(0.0, 1.0))
    assert float(far) == pytest.approx(1e6)


def test_nearly_equal_ones_are_not_below_zero():
    step = np.linspace(0.999, 1.001, 201).astype("float32")
    ones = np.ones(201, "float32")
    pairs = (
        (Exponential(step), Exponential(ones)),
        (HalfNormal(step), HalfNormal(ones)),
        (LogNormal(0.0, step), LogNormal(0.0, ones)),
        (Laplace(0.0, step), Laplace(0.0, ones)),
        (Cauchy(0.0, step), Cauchy(0.0, ones)),
        (Gumbel(0.0, step), Gumbel(0.0, ones)),
        (Weibull(step, 1.0), Weibull(ones, 1.0)),
    )
    found = ops.compile(lambda: [kl_divergence(q, p) for q, p in pairs])()
    for (q, _), kl in zip(pairs, map(ops.convert_to_numpy, found), strict=True):
        assert (kl > -2e-7).all(), type(q)
        assert (kl < 1.5e-6).all(), type(q)


def test_independent_copies_sum_and_pairs_without_a_closed_form_refuse():
    scale = np.array([0.5, 2.0], "float32")
    q, p = Laplace([0.0, 1.0], scale), Laplace(0.0, [1.0, 1.0])
    expected = ops.convert_to_numpy(kl_divergence(q, p)).sum()
    actual = kl_divergence(Independent(q), Independent(p))
    assert float(actual) == pytest.approx(expected, rel=1e-6)
    assert not has_kl(Logistic(0.0, 1.0), Logistic(0.0, 1.0))
    assert not has_kl(Laplace(0.0, 1.0), Gumbel(0.0, 1.0))
