"""Divergences of close pairs: small of the second order, and right to a few digits all the same."""

import functools

import mpmath as mp
import numpy as np
import pytest

from kelbo import distributions as kd
from kelbo import ops

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

CHANGES = (3e-7, 1e-4, -2e-3, 0.1, 1.7, 40.0)


def log_beta(a):
    return sum(mp.loggamma(x) for x in a) - mp.loggamma(sum(a))


def normal_kl(q, p):
    (m, s), (n, t) = q, p
    return (s / t) ** 2 / 2 + ((m - n) / t) ** 2 / 2 - mp.mpf(1) / 2 - mp.log(s / t)


def laplace_kl(q, p):
    (m, s), (n, t) = q, p
    x = abs(m - n)
    return x / t + s / t * mp.exp(-x / s) - 1 - mp.log(s / t)


def gamma_kl(q, p):
    (a, r), (b, s) = q, p
    log_gammas = mp.loggamma(b) - mp.loggamma(a) - (b - a) * mp.digamma(a)
    return log_gammas + b * mp.log(r / s) + a * (s - r) / r


def gumbel_kl(q, p):
    (m, s), (n, t) = q, p
    x = mp.exp((n - m) / t + mp.loggamma(1 + s / t))
    return mp.log(t / s) + mp.euler * (s / t - 1) + x - 1 + (m - n) / t


def weibull_kl(q, p):
    (k, s), (j, t) = q, p
    return gumbel_kl((-mp.log(s), 1 / k), (-mp.log(t), 1 / j))


def cauchy_kl(q, p):
    (m, s), (n, t) = q, p
    return mp.log(((s + t) ** 2 + (m - n) ** 2) / (4 * s * t))


def dirichlet_kl(q, p):
    total = mp.digamma(sum(q))
    means = sum((a - b) * (mp.digamma(a) - total) for a, b in zip(q, p, strict=True))
    return log_beta(p) - log_beta(q) + means


def trials_kl(q, p):
    return q * mp.log(q / p) + (1 - q) * mp.log((1 - q) / (1 - p))


def logits_kl(q, p):
    q, not_q, p, not_p = sigmoid(q), sigmoid(-q), sigmoid(p), sigmoid(-p)
    return q * mp.log(q / p) + not_q * mp.log(not_q / not_p)


def softmax(logits):
    weights = [mp.exp(x) for x in logits]
    return [x / sum(weights) for x in weights]


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def categorical_kl(q, p):
    return sum(a * mp.log(a / b) for a, b in zip(q, p, strict=True))


def normed(p):
    return [x / sum(p) for x in p]


def continuous_bernoulli_kl(q, p):
    def cumulant(x):
        return mp.log(mp.expm1(x) / x) if x else mp.mpf(0)

    def mean(x):
        return 1 / (1 - mp.exp(-x)) - 1 / x if x else mp.mpf(1) / 2

    return (q - p) * mean(q) + cumulant(p) - cumulant(q)


def bessel_kl(order):
    def divergence(q, p):
        def log_bessel(k):
            return mp.log(mp.hyp0f1(order + 1, k * k / 4))

        slope = (
            q / (2 * order + 2) * mp.hyp0f1(order + 2, q * q / 4) / mp.hyp0f1(order + 1, q * q / 4)
        )
        return log_bessel(p) - log_bessel(q) - (p - q) * slope

    return divergence


_UNIT = np.array([[0.6, 0.0, 0.8]])


def triangular_kl(q, p):
    """Of [loc, diagonal 1, diagonal 2, below]."""
    (m, a, b, c), (n, d, e, f) = q, p
    # N = P^-1 Q of the two triangles.
    first, second = a / d, b / e
    below = (c - f * first) / e
    way = (m - n) / d, -f * (m - n) / d / e
    squares = first**2 + second**2 + below**2 + way[0] ** 2 + way[1] ** 2
    return squares / 2 - 1 - mp.log(first) - mp.log(second)


def _triangular(x):
    none = ops.zeros_like(x[..., 0])
    first, second = ops.stack([x[..., 1], none], -1), ops.stack([x[..., 3], x[..., 2]], -1)
    return kd.MultivariateNormalTriL(
        ops.stack([x[..., 0], none], -1), ops.stack([first, second], -2)
    )


def low_rank_kl(q, p):
    """Of [loc, diagonal 1 to 3, column of 3 entries]."""

    def covariance(x):
        return mp.diag(x[1:4]) + mp.matrix(x[4:]) * mp.matrix(x[4:]).T

    first, second = covariance(q), covariance(p)
    shift = mp.matrix([q[0] - p[0], 0, 0])
    inverse = second**-1
    trace = sum((inverse * first)[i, i] for i in range(3))
    distance = (shift.T * inverse * shift)[0]
    return (trace - 3 + distance - mp.log(mp.det(inverse * first))) / 2


def _low_rank(x):
    return kd.MultivariateNormalLowRank(_first_of_three(x[..., 0]), x[..., 1:4], x[..., 4:, None])


def _first_of_three(loc):
    return ops.stack([loc, ops.zeros_like(loc), ops.zeros_like(loc)], -1)


def weibull_gamma_kl(q, p):
    """Of [concentration, scale] each: 1 / rate is the scale of a Gamma."""
    (k, s), (a, r) = q, (p[0], 1 / p[1])
    mean = s * mp.gamma(1 + 1 / k)
    mean_log = mp.log(s) - mp.euler / k
    entropy = mp.euler * (1 - 1 / k) + mp.log(s / k) + 1
    return -entropy - a * mp.log(r) + mp.loggamma(a) - (a - 1) * mean_log + r * mean


@functools.cache
def mean_log_complement(a, b):
    """Of log(1 - x), x of Kumaraswamy: by y = 1 - x^a, and its logarithm by parts."""

    def slope(v):
        x = mp.exp(mp.log1p(-v) / a)
        return v**b * x / ((1 - v) * (1 - x) * a)

    return -mp.quad(slope, [0, 0.5, 1])


def kumaraswamy_beta_kl(q, p):
    a, b = q
    mean_log = -(mp.euler + mp.digamma(b + 1)) / a
    mean_complement = mean_log_complement(a, b)
    entropy = (1 - 1 / b) + (1 - 1 / a) * (mp.digamma(b + 1) + mp.euler) - mp.log(a * b)
    return log_beta(p) - (p[0] - 1) * mean_log - (p[1] - 1) * mean_complement - entropy


# Name: how it is made of an array of parameters (their number in the last axis), the divergence of
# two lists of them, the lists from which the pairs start, and which of them change, by what share.
PAIRS = {
    "normal": (lambda x: kd.Normal(x[..., 0], x[..., 1]), normal_kl, [(1, 2), (1e4, 3)], (0, 1)),
    "normal scale": (lambda x: kd.Normal(x[..., 0], x[..., 1]), normal_kl, [(1, 2e-9)], (0, 1)),
    "log normal": (lambda x: kd.LogNormal(x[..., 0], x[..., 1]), normal_kl, [(1, 2)], (1, 1)),
    "half normal": (
        lambda x: kd.HalfNormal(x[..., 0]),
        lambda q, p: normal_kl((0, *q), (0, *p)),
        [(2,), (1e-20,)],
        (1,),
    ),
    "laplace": (lambda x: kd.Laplace(x[..., 0], x[..., 1]), laplace_kl, [(1, 2), (5, 3)], (1, 1)),
    "cauchy": (lambda x: kd.Cauchy(x[..., 0], x[..., 1]), cauchy_kl, [(1, 2), (5, 3)], (1, 1)),
    "gumbel": (lambda x: kd.Gumbel(x[..., 0], x[..., 1]), gumbel_kl, [(1, 2), (-3, 0.2)], (0.3, 1)),
    "weibull": (
        lambda x: kd.Weibull(x[..., 0], x[..., 1]),
        weibull_kl,
        [(0.5, 2), (3, 1e10)],
        (1, -0.02),
    ),
    "exponential": (
        lambda x: kd.Exponential(x[..., 0]),
        lambda q, p: gamma_kl((1, *q), (1, *p)),
        [(2,), (1e-9,)],
        (1,),
    ),
    "gamma": (
        lambda x: kd.Gamma(x[..., 0], x[..., 1]),
        gamma_kl,
        [(0.5, 2), (1e-3, 1), (7, 3), (9, 3), (1e5, 2), (1e9, 1)],
        (1, 0),
    ),
    "gamma at one mean": (
        lambda x: kd.Gamma(x[..., 0], x[..., 1]),
        gamma_kl,
        [(0.5, 2), (7, 3), (30, 30)],
        (1, 1),
    ),
    "gamma by log rate": (
        lambda x: kd.Gamma(x[..., 0], log_rate=x[..., 1]),
        lambda q, p: gamma_kl((q[0], mp.exp(q[1])), (p[0], mp.exp(p[1]))),
        [(0.5, 2), (7, 1e-3)],
        (0, 1),
    ),
    "inverse gamma": (
        lambda x: kd.InverseGamma(x[..., 0], x[..., 1]),
        gamma_kl,
        [(0.5, 2), (1e-5, 1), (40, 3)],
        (1, -0.02),
    ),
    "beta": (
        lambda x: kd.Beta(x[..., 0], x[..., 1]),
        dirichlet_kl,
        [(0.5, 2), (1e-3, 1e-3), (300, 4e5), (7, 6)],
        (1, 0),
    ),
    "beta, one of them small": (
        lambda x: kd.Beta(x[..., 0], x[..., 1]),
        dirichlet_kl,
        [(1, 1e-4), (30, 1e-6), (3, 1e-8)],
        (1, 0),
    ),
    "beta at one mean": (
        lambda x: kd.Beta(x[..., 0], x[..., 1]),
        dirichlet_kl,
        [(0.5, 2), (20, 0.01), (300, 4e5), (2e-6, 3e-6)],
        (1, 1),
    ),
    "dirichlet": (
        kd.Dirichlet,
        dirichlet_kl,
        [(0.5, 2, 3), (1e-3, 40, 0.1), (900, 2, 1e4)],
        (1, -0.01, 1),
    ),
    "von mises": (
        lambda x: kd.VonMises(0.3, x[..., 0]),
        lambda q, p: bessel_kl(0)(*q, *p),
        [(1e-3,), (0.5,), (3,), (30,), (1e3,)],
        (1,),
    ),
    "von mises-fisher": (
        lambda x: kd.VonMisesFisher(_UNIT, x[..., 0]),
        lambda q, p: bessel_kl(mp.mpf(1) / 2)(*q, *p),
        [(1e-3,), (0.5,), (30,), (1e3,)],
        (1,),
    ),
    "bernoulli": (
        lambda x: kd.Bernoulli(logits=x[..., 0]),
        lambda q, p: logits_kl(q[0], p[0]),
        [(1e-3,), (1,), (-9,), (12,)],
        (1,),
    ),
    "bernoulli by probs": (
        lambda x: kd.Bernoulli(probs=x[..., 0]),
        lambda q, p: trials_kl(q[0], p[0]),
        [(0.01,), (1e-20,), (0.02,)],
        (1,),
    ),
    "binomial": (
        lambda x: kd.Binomial(1e5, logits=x[..., 0]),
        lambda q, p: 100000 * logits_kl(q[0], p[0]),
        [(1e-3,), (1,), (-9,)],
        (1,),
    ),
    "negative binomial": (
        lambda x: kd.NegativeBinomial(7.0, logits=x[..., 0]),
        lambda q, p: 7 * logits_kl(q[0], p[0]) / sigmoid(-q[0]),
        [(1e-3,), (1,), (-9,)],
        (1,),
    ),
    "geometric": (
        lambda x: kd.Geometric(probs=x[..., 0]),
        lambda q, p: trials_kl(q[0], p[0]) / q[0],
        [(0.01,), (0.02,)],
        (1,),
    ),
    "poisson": (
        lambda x: kd.Poisson(x[..., 0]),
        lambda q, p: q[0] * mp.log(q[0] / p[0]) + p[0] - q[0],
        [(0.5,), (1e6,), (1e-20,)],
        (1,),
    ),
    "poisson by log rate": (
        lambda x: kd.Poisson(log_rate=x[..., 0]),
        lambda q, p: mp.exp(q[0]) * (q[0] - p[0]) + mp.exp(p[0]) - mp.exp(q[0]),
        [(0.5,), (-0.03,)],
        (1,),
    ),
    "categorical": (
        lambda x: kd.Categorical(logits=x),
        lambda q, p: categorical_kl(softmax(q), softmax(p)),
        [(1, 2, -1), (1e-3, 0, 4)],
        (1, 0.2, 1),
    ),
    "categorical by probs": (
        lambda x: kd.Categorical(probs=x),
        lambda q, p: categorical_kl(normed(q), normed(p)),
        [(0.25, 0.5, 0.25), (0.125, 0.75, 0.125)],
        (0.02, 0, -0.02),
    ),
    "continuous bernoulli": (
        lambda x: kd.ContinuousBernoulli(logits=x[..., 0]),
        lambda q, p: continuous_bernoulli_kl(*q, *p),
        [(1e-3,), (0.4,), (-3,), (40,), (-1e4,)],
        (1,),
    ),
    "uniform": (
        lambda x: kd.Uniform(-x[..., 0], 1.0),
        lambda q, p: mp.log((1 + p[0]) / (1 + q[0])) if p[0] > q[0] else mp.inf,
        [(2,)],
        (1,),
    ),
    "diagonal": (
        lambda x: kd.MultivariateNormalDiag(x[..., :2], x[..., 2:]),
        lambda q, p: normal_kl(q[::2], p[::2]) + normal_kl(q[1::2], p[1::2]),
        [(1, 2, 3, 1e-3)],
        (0.01, 0, 1, 1),
    ),
    "triangular": (
        _triangular,
        triangular_kl,
        [(1, 2, 3, 0.5)],
        (0.01, 1, -0.01, 1),
    ),
    "low rank": (
        _low_rank,
        low_rank_kl,
        [(1, 2, 3, 0.5, 1, 2, -1), (0, 1e-3, 1e-3, 1e-3, 1, 2, 1), (0, 4, 5, 6, 0.01, 0.02, 0.03)],
        (0.01, 1, -0.01, 0, 0.02, -0.01, 0.01),
    ),
    "low rank, of the columns": (
        _low_rank,
        low_rank_kl,
        [(1, 2, 3, 0.5, 1, 2, -1), (0, 1e-3, 1e-3, 1e-3, 1, 2, 1)],
        (0, 0, 0, 0, 1, 1, 1),
    ),
    # Of one family each, beside the other: they are the same at concentrations of 1.
    "weibull, gamma": (
        (
            lambda x: kd.Weibull(x[..., 0], x[..., 1]),
            lambda x: kd.Gamma(x[..., 0], 1 / x[..., 1]),
        ),
        weibull_gamma_kl,
        [(1, 2)],
        (1, 0),
    ),
    "weibull, exponential": (
        (
            lambda x: kd.Weibull(x[..., 0], x[..., 1]),
            lambda x: kd.Gamma(ops.ones_like(x[..., 0]), 1 / x[..., 1]),
        ),
        lambda q, p: weibull_gamma_kl(q, (1, p[1])),
        [(1.0001, 2), (0.9, 2)],
        (1, 0),
    ),
    "kumaraswamy, beta": (
        (
            lambda x: kd.Kumaraswamy(x[..., 0], x[..., 1]),
            lambda x: kd.Beta(x[..., 0], x[..., 1]),
        ),
        kumaraswamy_beta_kl,
        [(1, 2), (1, 0.5), (2, 1)],
        (0.5, 1),
    ),
    "kumaraswamy near one, beta": (
        (
            lambda x: kd.Kumaraswamy(x[..., 0], x[..., 1]),
            lambda x: kd.Beta(ops.ones_like(x[..., 0]), x[..., 1]),
        ),
        lambda q, p: kumaraswamy_beta_kl(q, (mp.mpf(1), p[1])),
        [(1.0001, 2), (0.99, 30)],
        (1, 0.1),
    ),
}


PARTS = 5  # each is one program


def arrays(starts, shares, dtype):
    """All starts with all changes, as numbers of the dtype."""
    q = np.repeat(np.array(starts, dtype), len(CHANGES), axis=0)
    factors = 1.0 + np.array(CHANGES)[:, None] * np.array(shares, "float64")
    p = (q * np.tile(factors, (len(starts), 1))).astype(dtype)
    return q, p


def exact(divergence, q, p):
    with mp.workdps(60):
        rows = zip(q.astype("float64"), p.astype("float64"), strict=True)
        numbers = [[[mp.mpf(float(v)) for v in x] for x in row] for row in rows]
        return np.array([float(divergence(*row)) for row in numbers])


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)], indirect=True
)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.few(3)
def test_close_pairs_have_the_digits_of_the_second_order(part, dtype):
    names = list(PAIRS)[part::PARTS]
    pairs = [arrays(*PAIRS[name][2:], dtype) for name in names]

    def divergences(*tensors):
        found = []
        for name, q, p in zip(names, tensors[::2], tensors[1::2], strict=True):
            make = PAIRS[name][0]
            make_q, make_p = make if isinstance(make, tuple) else (make, make)
            found.append(kd.kl_divergence(make_q(q), make_p(p)))
        return found

    tensors = [ops.convert_to_tensor(x) for pair in pairs for x in pair]
    values = map(ops.convert_to_numpy, ops.compile(divergences)(*tensors))
    near = {"float32": 3e-5, "float64": 1e-11}[dtype]
    for name, pair, value in zip(names, pairs, values, strict=True):
        with np.errstate(over="ignore"):  # infinite in float32
            expected = exact(PAIRS[name][1], *pair).astype(dtype)
        assert value.dtype == dtype, name
        assert (value >= 0).all(), name
        np.testing.assert_allclose(value, expected, rtol=near, err_msg=name)


def _ratio_kl(rest):
    return lambda q, p: rest(q / p)


def _three_classes(x):
    return ops.stack([x, ops.zeros_like(x), ops.ones_like(x)], -1)


# Pairs of one parameter each: numbers so small that their squares underflow in float32, or logits
# so far out that a probability is nearly 0 or 1. How it is made, and the divergence.
SMALL = [(1e-20, 1.0001e-20), (1e-20, 1.1e-20), (1e-20, 3e-20), (1e-30, 1.1e-30), (1e-20, 1e-3)]
LOGITS = [(80, 80.01), (-80, -80.01), (17, 17.001), (30, 0), (-80, 3)]
OF_ONE = {
    "half normal": (kd.HalfNormal, _ratio_kl(lambda t: (t * t - 1) / 2 - mp.log(t)), SMALL),
    "laplace": (lambda x: kd.Laplace(0 * x, x), _ratio_kl(lambda t: t - 1 - mp.log(t)), SMALL),
    "cauchy": (
        lambda x: kd.Cauchy(0 * x, x),
        _ratio_kl(lambda t: mp.log((1 + t) ** 2 / (4 * t))),
        SMALL,
    ),
    "exponential": (kd.Exponential, _ratio_kl(lambda t: 1 / t - 1 + mp.log(t)), SMALL),
    "uniform": (lambda x: kd.Uniform(0 * x, x), _ratio_kl(lambda t: -mp.log(t)), SMALL),
    "poisson": (kd.Poisson, lambda q, p: q * mp.log(q / p) + p - q, SMALL),
    "bernoulli by probs": (lambda x: kd.Bernoulli(probs=x), trials_kl, SMALL),
    "geometric by probs": (
        lambda x: kd.Geometric(probs=x),
        lambda q, p: trials_kl(q, p) / q,
        SMALL,
    ),
    "categorical by probs": (
        lambda x: kd.Categorical(probs=ops.stack([x, 1.0 - x], -1)),
        trials_kl,
        SMALL,
    ),
    "bernoulli": (lambda x: kd.Bernoulli(logits=x), logits_kl, LOGITS),
    "binomial": (
        lambda x: kd.Binomial(5.0, logits=x),
        lambda q, p: 5 * logits_kl(q, p),
        LOGITS,
    ),
    "negative binomial": (
        lambda x: kd.NegativeBinomial(7.0, logits=x),
        lambda q, p: 7 * logits_kl(q, p) / sigmoid(-q),
        LOGITS,
    ),
    "geometric": (
        lambda x: kd.Geometric(logits=x),
        lambda q, p: logits_kl(q, p) / sigmoid(q),
        LOGITS,
    ),
    "categorical": (
        lambda x: kd.Categorical(logits=_three_classes(x)),
        lambda q, p: categorical_kl(softmax([q, 0, 1]), softmax([p, 0, 1])),
        LOGITS,
    ),
}


@pytest.mark.slow
def test_small_parameters_and_far_logits(dtype):
    """Divergences and their derivatives by either parameter, in one program."""
    pairs = np.array([pairs for *_, pairs in OF_ONE.values()], dtype)

    def divergences(x):
        each = [
            kd.kl_divergence(make(x[i, :, 0]), make(x[i, :, 1]))
            for i, (make, *_) in enumerate(OF_ONE.values())
        ]
        return ops.stack(each)

    value, slopes = map(
        ops.convert_to_numpy,
        ops.compile(lambda x: ops.values_and_gradients(divergences, x))(
            ops.convert_to_tensor(pairs)
        ),
    )
    tolerance = 256 * np.finfo(dtype).eps
    for i, (name, (_, exact, _)) in enumerate(OF_ONE.items()):
        with mp.workdps(120):
            rows = [[mp.mpf(float(x)) for x in row] for row in pairs[i]]
            expected = [float(exact(q, p)) for q, p in rows]
            step = mp.mpf(10) ** -30
            expected_slopes = np.array(
                [
                    [
                        float((exact(q * (1 + step), p) - exact(q, p)) / (q * step)) if q else 0.0,
                        float((exact(q, p + step * (p or 1)) - exact(q, p)) / (step * (p or 1))),
                    ]
                    for q, p in rows
                ]
            )
        tiny = float(np.finfo(dtype).tiny)
        np.testing.assert_allclose(value[i], expected, tolerance, tiny, err_msg=name)
        # Beside the larger of the two, in units of the parameters where these are small.
        units = np.abs(pairs[i].astype("float64")) if OF_ONE[name][2] is SMALL else 1.0
        found, right = slopes[i] * units, expected_slopes * units
        size = np.abs(right).max(axis=1, keepdims=True)
        fits = np.abs(expected_slopes) < 0.1 * float(np.finfo(dtype).max)
        assert np.isfinite(found[fits]).all(), (name, found)
        near = np.abs(found - right) <= tolerance * size + tiny
        assert (near | ~fits).all(), (name, found, right)
