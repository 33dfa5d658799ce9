"""The entries of the first families: normal, (continuous) Bernoulli, Independent."""

import numpy as np
from scipy import special, stats

from kelbo.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Independent,
    MultivariateNormalTriL,
    Normal,
)

from .case import NO_CDF, Case, Tail
from .references import IndependentReference, MultivariateNormalReference, ScipyReference


class ExponentialTiltReference:
    """The density proportional to exp(logits * x) on [0, 1], by Gauss-Legendre quadrature."""

    nodes, weights = np.polynomial.legendre.leggauss(120)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights

    def __init__(self, logits):
        self.logits = np.asarray(logits, dtype="float64")
        # The mass lies at the end that the density peaks at, within `reach` of it.
        self.peak = np.where(self.logits > 0, 1.0, 0.0)
        self.reach = np.minimum(1.0, 60.0 / np.maximum(np.abs(self.logits), 1e-300))
        self.total = self._integral(lambda x: np.ones_like(x))

    def _unnormalized(self, x):
        return np.exp(self.logits * (x - self.peak))

    def _integral(self, f, upper=1.0):
        low = np.where(self.peak == 1.0, 1.0 - self.reach, 0.0)
        high = np.minimum(np.where(self.peak == 1.0, 1.0, self.reach), upper)
        width = np.maximum(high - low, 0.0)
        terms = [
            weight * f(low + node * width) * self._unnormalized(low + node * width)
            for node, weight in zip(self.nodes, self.weights, strict=True)
        ]
        return width * sum(terms)

    def log_prob(self, x):
        inside = (np.asarray(x) >= 0) & (np.asarray(x) <= 1)
        return np.where(inside, self.logits * (x - self.peak) - np.log(self.total), -np.inf)

    def mean(self):
        return self._integral(lambda x: x) / self.total

    def variance(self):
        mean = self.mean()
        return self._integral(lambda x: (x - mean) ** 2) / self.total

    def entropy(self):
        return -self._integral(self.log_prob) / self.total

    def mode(self):
        return self.peak

    def cdf(self, x):
        return self._integral(lambda t: np.ones_like(t), np.clip(x, 0.0, 1.0)) / self.total

    def quantile(self, u):
        low, high = np.zeros(np.broadcast(u, self.logits).shape), 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)


def _normal(loc, scale):
    return ScipyReference(stats.norm(loc, scale), np.broadcast_arrays(loc, scale)[0])


def _bernoulli(logits=None, probs=None):
    probs = special.expit(logits) if probs is None else np.asarray(probs)
    return ScipyReference(stats.bernoulli(probs), (probs > 0.5) * 1.0)


def _continuous_bernoulli(logits=None, probs=None):
    return ExponentialTiltReference(special.logit(probs) if logits is None else logits)


def _independent(inner, rank):
    return lambda **parameters: IndependentReference(inner(**parameters), rank)


_generator = np.random.default_rng(0)


def _factors(*shape):
    lower = np.tril(_generator.normal(size=shape), -1)
    return lower + np.eye(shape[-1]) * _generator.uniform(0.3, 2.0, shape[:-1])[..., None]


_normals = _generator.normal
_uniforms = _generator.uniform
_BINARY = np.array([0.0, 1.0])

CASES = [
    Case(
        "normal batch",
        Normal,
        {"loc": _normals(size=(3, 1)), "scale": np.array([1e-3, 20.0])},
        _normal,
        _normals(size=(4, 3, 2)),
        batch_shape=(3, 2),
    ),
    Case("normal", Normal, {"loc": 0.3, "scale": 1.7}, _normal, np.array([-9.0, 0.0, 0.3, 40.0])),
    Case(
        "bernoulli by logits",
        Bernoulli,
        {"logits": np.array([[-12.0, -3.0, -0.2], [0.0, 1.5, 7.0]])},
        _bernoulli,
        _BINARY[:, None, None],
        batch_shape=(2, 3),
    ),
    Case(
        "bernoulli by probs",
        Bernoulli,
        {"probs": np.array([0.001, 0.3, 0.5, 0.9])},
        _bernoulli,
        _BINARY[:, None],
        batch_shape=(4,),
    ),
    Case(
        "bernoulli that is certain",
        Bernoulli,
        {"probs": np.array([0.0, 1.0])},
        _bernoulli,
        _BINARY[:, None],
        batch_shape=(2,),
        is_smooth=False,
    ),
    Case("bernoulli", Bernoulli, {"logits": 0.7}, _bernoulli, _BINARY, is_variant=True),
    Case(
        "continuous bernoulli by logits",
        ContinuousBernoulli,
        {"logits": np.array([[-40.0, -3.0, -1e-3], [1e-6, 0.4, 8.0]])},
        _continuous_bernoulli,
        np.array([0.0, 0.01, 0.4, 0.97, 1.0])[:, None, None],
        batch_shape=(2, 3),
    ),
    Case(
        "continuous bernoulli where its branches meet",
        ContinuousBernoulli,
        {"logits": np.array([-0.501, -0.499, -0.0101, -0.0099, 0.0099, 0.0101, 0.499, 0.501])},
        _continuous_bernoulli,
        _uniforms(size=(3, 8)),
        batch_shape=(8,),
    ),
    Case(
        "continuous bernoulli by probs",
        ContinuousBernoulli,
        {"probs": np.array([0.02, 0.5, 0.9])},
        _continuous_bernoulli,
        _uniforms(size=(4, 3)),
        batch_shape=(3,),
    ),
    Case(
        "uniform as continuous bernoulli",
        ContinuousBernoulli,
        {"logits": 0.0},
        _continuous_bernoulli,
        np.array([0.0, 0.3, 1.0]),
    ),
    Case(
        "multivariate normal batch",
        MultivariateNormalTriL,
        {"loc": _normals(size=(2, 1, 3)), "scale_tril": _factors(4, 3, 3)},
        MultivariateNormalReference,
        _normals(size=(3, 2, 4, 3)),
        batch_shape=(2, 4),
        event_shape=(3,),
        missing=NO_CDF,
    ),
    Case(
        "multivariate normal",
        MultivariateNormalTriL,
        {"loc": np.array([1.0, -2.0]), "scale_tril": np.array([[0.5, 0.0], [2.0, 0.1]])},
        MultivariateNormalReference,
        _normals(size=(5, 2)),
        event_shape=(2,),
        missing=NO_CDF,
    ),
    Case(
        "multivariate normal of one number",
        MultivariateNormalTriL,
        {"loc": np.array([0.5]), "scale_tril": np.array([[2.0]])},
        MultivariateNormalReference,
        _normals(size=(3, 1)),
        event_shape=(1,),
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "independent normals",
        Independent,
        {"loc": _normals(size=(3,)), "scale": np.array(0.5)},
        _independent(_normal, 1),
        _normals(size=(4, 3)),
        event_shape=(3,),
        wrap=Independent,
        inner=Normal,
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "independent normals over images",
        Independent,
        {"loc": _normals(size=(2, 3, 4)), "scale": _uniforms(0.1, 3.0, size=(3, 4))},
        _independent(_normal, 2),
        _normals(size=(5, 2, 3, 4)),
        batch_shape=(2,),
        event_shape=(3, 4),
        wrap=lambda distribution: Independent(distribution, 2),
        inner=Normal,
        missing=NO_CDF,
    ),
    Case(
        "independent normals of no axis",
        Independent,
        {"loc": _normals(size=(2,)), "scale": 1.0},
        _independent(_normal, 0),
        _normals(size=(3, 2)),
        batch_shape=(2,),
        wrap=lambda distribution: Independent(distribution, 0),
        inner=Normal,
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "independent bernoullis",
        Independent,
        {"logits": 3.0 * _normals(size=(2, 4, 4))},
        _independent(_bernoulli, 2),
        _generator.integers(0, 2, size=(3, 2, 4, 4)),
        batch_shape=(2,),
        event_shape=(4, 4),
        wrap=lambda distribution: Independent(distribution, 2),
        inner=Bernoulli,
        missing=NO_CDF,
        is_variant=True,
    ),
    Case(
        "independent continuous bernoullis",
        Independent,
        {"logits": 5.0 * _normals(size=(2, 3))},
        _independent(_continuous_bernoulli, 1),
        _uniforms(size=(4, 2, 3)),
        batch_shape=(2,),
        event_shape=(3,),
        wrap=lambda distribution: Independent(distribution, 1),
        inner=ContinuousBernoulli,
        missing=NO_CDF,
    ),
    Case(
        "independent multivariate normals",
        Independent,
        {"loc": _normals(size=(2, 2)), "scale_tril": _factors(2, 2, 2)},
        _independent(MultivariateNormalReference, 1),
        _normals(size=(3, 2, 2)),
        event_shape=(2, 2),
        wrap=Independent,
        inner=MultivariateNormalTriL,
        missing=NO_CDF,
        is_variant=True,
    ),
]


def _bernoulli_tail():
    logits = np.array([-1e3, -100.0, -20.0, 0.0, 20.0, 100.0, 1e3])[:, None]
    log_prob = _BINARY * logits - np.logaddexp(0.0, logits)
    return Tail(
        "bernoulli",
        lambda logits: Bernoulli(logits=logits),
        logits,
        _BINARY,
        log_prob,
        _BINARY - special.expit(logits),
    )


def _continuous_bernoulli_tail():
    sizes = np.array([0.0, 1e-30, 1e-12, 1e-7, 1e-4, 1e-2, 0.3, 1.0, 30.0, 100.0, 1e3])
    logits = np.concatenate([-sizes[::-1], sizes])[:, None]
    values = np.array([0.0, 1e-3, 0.5, 0.999, 1.0])
    reference = ExponentialTiltReference(logits)
    return Tail(
        "continuous bernoulli",
        lambda logits: ContinuousBernoulli(logits=logits),
        logits,
        values,
        reference.log_prob(values),
        values - reference.mean(),
    )


def _normal_tail():
    loc, values = np.array([-1e8, 0.0, 1e8])[:, None], np.array([-1e8, 0.0, 1e-30, 1e8])
    z = (values - loc) / 1e-2
    return Tail(
        "normal",
        lambda loc: Normal(loc, 1e-2),
        loc,
        values,
        -0.5 * z**2 - np.log(1e-2) - 0.5 * np.log(2 * np.pi),
        z / 1e-2,
    )


def _normal_scale_tail():
    scale, values = np.array([1e-6, 1.0, 1e10])[:, None], np.array([-1e4, 0.0, 3.0])
    return Tail(
        "normal scale",
        lambda scale: Normal(0.0, scale),
        scale,
        values,
        stats.norm(0.0, scale).logpdf(values),
        values**2 / scale**3 - 1.0 / scale,
    )


TAILS = [_bernoulli_tail(), _continuous_bernoulli_tail(), _normal_tail(), _normal_scale_tail()]
