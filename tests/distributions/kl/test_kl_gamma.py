"""Divergences of the gamma family, of the von Mises and its relatives, against quadrature."""

import itertools

import numpy as np
import pytest
from scipy import integrate, special, stats

from kelbo import ops
from kelbo.distributions import (
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    InverseGamma,
    Kumaraswamy,
    VonMises,
    Weibull,
    has_kl,
    kl_divergence,
)

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]


def numbers(x):
    return ops.convert_to_numpy(x)


def by_quantiles(q, p):
    """From SciPy's densities, over the probability under q, by double-exponential quadrature."""
    t = np.arange(-60, 61)[:, None, None] / 16.0
    odds = np.pi * np.sinh(t)
    weights = np.pi * np.cosh(t) / 16.0 / (2.0 + 2.0 * np.cosh(odds))
    # From whichever end is nearer: a probability near 1 has lost its digits.
    x = np.where(odds < 0, q.ppf(special.expit(odds)), q.isf(special.expit(-odds)))
    ratios = np.where(weights > 1e-30, q.logpdf(x) - p.logpdf(x), 0.0)
    return np.sum(weights * np.where(np.isfinite(ratios), ratios, 0.0), axis=0)


def kumaraswamy_beta_kl(a, b, one, zero):
    """Over s = -log(1 - u), which is exponential, in logarithms of x and 1 - x."""

    def each(a, b, one, zero):
        def ratio(s):
            rest = np.exp(-s / b)
            log_x = np.log1p(-rest) / a if rest < 0.5 else np.log(-np.expm1(-s / b)) / a
            log_y = np.log(-np.expm1(log_x))
            log_q = np.log(a * b) + (a - 1.0) * log_x - (b - 1.0) * s / b
            log_p = (one - 1.0) * log_x + (zero - 1.0) * log_y - special.betaln(one, zero)
            return np.exp(-s) * (log_q - log_p)

        ends = [0.0, 1e-6, 1e-2, 1.0, 40.0]
        return sum(
            integrate.quad(ratio, *pair, epsabs=1e-13, epsrel=1e-13, limit=500)[0]
            for pair in itertools.pairwise(ends)
        )

    return np.vectorize(each)(a, b, one, zero)


def dirichlet_kl(a, b):
    """From the definition, with the mean of log x by digamma."""

    def log_beta(c):
        return special.gammaln(c).sum(-1) - special.gammaln(c.sum(-1))

    mean_logs = special.digamma(a) - special.digamma(a.sum(-1))[..., None]
    return log_beta(b) - log_beta(a) + np.sum((a - b) * mean_logs, axis=-1)


def von_mises_kl(q, p):
    def one(loc, k, other_loc, other_k):
        q, p = stats.vonmises(k, loc), stats.vonmises(other_k, other_loc)
        return integrate.quad(
            lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)),
            loc - np.pi,
            loc + np.pi,
            points=[loc],
            epsabs=1e-12,
            limit=500,
        )[0]

    return np.vectorize(one)(*q, *p)


_A, _B = np.array([[0.4], [1.0], [3.0], [60.0]]), np.array([0.7, 1.0, 50.0])
_R, _S = np.array([[0.5], [2.0], [1.0], [9.0]]), np.array([1.0, 3.0, 8.0])
_K = np.array([[0.6], [1.0], [2.0], [7.0]])
_ALPHA = np.array([[[0.3, 2.0, 1.0]], [[40.0, 5.0, 70.0]]])
_BETA = np.array([[1.0, 1.0, 1.0], [30.0, 0.5, 90.0]])
_LOC, _OTHER = np.array([[0.3], [3.0]]), np.array([-1.0, 0.2, 3.1])
_KAPPA, _LAMBDA = np.array([[0.0], [20.0]]), np.array([0.0, 3.0, 80.0])

PAIRS = {
    "gamma": (
        lambda dtype: Gamma(_A, rate=_R, dtype=dtype),
        lambda dtype: Gamma(_B, log_rate=np.log(_S), dtype=dtype),
        by_quantiles(stats.gamma(_A, scale=1 / _R), stats.gamma(_B, scale=1 / _S)),
    ),
    "gamma from exponential": (
        lambda dtype: Gamma(_A, rate=_R, dtype=dtype),
        lambda dtype: Exponential(_S, dtype=dtype),
        by_quantiles(stats.gamma(_A, scale=1 / _R), stats.expon(scale=1 / _S)),
    ),
    "exponential from gamma": (
        lambda dtype: Exponential(_R, dtype=dtype),
        lambda dtype: Gamma(_B, rate=_S, dtype=dtype),
        by_quantiles(stats.expon(scale=1 / _R), stats.gamma(_B, scale=1 / _S)),
    ),
    "inverse gamma": (
        lambda dtype: InverseGamma(_A, _R, dtype=dtype),
        lambda dtype: InverseGamma(_B, _S, dtype=dtype),
        by_quantiles(stats.gamma(_A, scale=1 / _R), stats.gamma(_B, scale=1 / _S)),
    ),
    "beta": (
        lambda dtype: Beta(_A, _R, dtype=dtype),
        lambda dtype: Beta(_B, _S, dtype=dtype),
        dirichlet_kl(
            np.stack(np.broadcast_arrays(_A, _R), -1), np.stack(np.broadcast_arrays(_B, _S), -1)
        ),
    ),
    "dirichlet": (
        lambda dtype: Dirichlet(_ALPHA, dtype=dtype),
        lambda dtype: Dirichlet(_BETA, dtype=dtype),
        dirichlet_kl(_ALPHA, _BETA),
    ),
    "von mises": (
        lambda dtype: VonMises(_LOC, _KAPPA, dtype=dtype),
        lambda dtype: VonMises(_OTHER, _LAMBDA, dtype=dtype),
        von_mises_kl((_LOC, _KAPPA), (_OTHER, _LAMBDA)),
    ),
    "weibull from gamma": (
        lambda dtype: Weibull(_K, _R, dtype=dtype),
        lambda dtype: Gamma(_B, rate=_S, dtype=dtype),
        by_quantiles(stats.weibull_min(_K, scale=_R), stats.gamma(_B, scale=1 / _S)),
    ),
    "kumaraswamy from beta": (
        lambda dtype: Kumaraswamy(_K, _R, dtype=dtype),
        lambda dtype: Beta(_B, _S, dtype=dtype),
        kumaraswamy_beta_kl(_K, _R, _B, _S),
    ),
}


@pytest.mark.parametrize(("q", "p", "expected"), PAIRS.values(), ids=PAIRS)
@pytest.mark.few(2)
def test_closed_forms(q, p, expected, dtype):
    q, p = q(dtype), p(dtype)
    assert has_kl(q, p)
    pairs = [(q, p), (q, q)][: 1 + (type(q) is type(p))]
    kl, *same = map(numbers, ops.compile(lambda: [kl_divergence(*pair) for pair in pairs])())
    near = {"float32": {"rtol": 5e-5, "atol": 5e-6}, "float64": {"rtol": 1e-8, "atol": 1e-10}}
    assert kl.dtype == dtype
    assert kl.shape == expected.shape
    np.testing.assert_allclose(kl, expected, **near[dtype])
    for divergence in same:
        np.testing.assert_allclose(divergence, 0.0, atol=1e-6)


def test_large_concentrations_keep_their_digits():
    # With t the ratio of the concentrations, a (t - 1 - log t) is all there is, nearly.
    a = np.array([2.0**20, 2.0**24])
    b = a * (1.0 + 2.0**-10)
    expected = b * (-(2.0**-10) / (1 + 2.0**-10) + np.log1p(2.0**-10)) + 0.25 * 2.0**-20
    actual = numbers(kl_divergence(Gamma(a, rate=1.0), Gamma(b, rate=1.0)))
    np.testing.assert_allclose(actual, expected, rtol=2e-5)


@pytest.mark.slow
def test_gradients_of_beta_divergences_of_tiny_concentrations():
    q, p = np.array([[1e-20, 1.0], [1.0, 1e-20]], "float32"), [[1.0, 1e-20], [1e-20, 1.0]]

    def divergence(p):
        return kl_divergence(Beta(q[:, 0], q[:, 1]), Beta(p[:, 0], p[:, 1]))

    p = np.array(p, "float32")
    found = ops.compile(lambda p: ops.values_and_gradients(divergence, p)[1])(
        ops.convert_to_tensor(p)
    )
    p, q = p.astype("float64"), q.astype("float64")
    means = special.digamma(q) - special.digamma(q.sum(axis=1, keepdims=True))
    expected = special.digamma(p) - special.digamma(p.sum(axis=1, keepdims=True)) - means
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
