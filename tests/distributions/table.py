"""The table that drives every generic test of distributions: adding one is adding entries here.

References are computed in float64 by SciPy or by quadrature of the unnormalised density, never by
the formulas under test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special, stats

from kelbo.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Independent,
    MultivariateNormalTriL,
    Normal,
)


class ScipyReference:
    """A frozen distribution of `scipy.stats`; `mode` stands beside it."""

    def __init__(self, frozen, mode):
        self.frozen, self._mode = frozen, mode
        self.log_prob = frozen.logpmf if hasattr(frozen.dist, "logpmf") else frozen.logpdf
        self.cdf, self.quantile = frozen.cdf, frozen.ppf

    def mean(self):
        return self.frozen.mean()

    def variance(self):
        return self.frozen.var()

    def entropy(self):
        return self.frozen.entropy()

    def mode(self):
        return self._mode


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


class MultivariateNormalReference:
    """`scipy.stats.multivariate_normal`, one batch entry after another."""

    def __init__(self, loc, scale_tril):
        loc, scale_tril = np.asarray(loc, "float64"), np.asarray(scale_tril, "float64")
        batch = np.broadcast_shapes(loc.shape[:-1], scale_tril.shape[:-2])
        self.loc = np.broadcast_to(loc, batch + loc.shape[-1:])
        factor = np.broadcast_to(scale_tril, batch + scale_tril.shape[-2:])
        self.covariance = factor @ np.swapaxes(factor, -1, -2)

    def log_prob(self, x):
        x = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), self.loc.shape))
        result = np.empty(x.shape[:-1])
        for i in np.ndindex(self.loc.shape[:-1]):
            frozen = stats.multivariate_normal(self.loc[i], self.covariance[i])
            result[(..., *i)] = frozen.logpdf(x[(..., *i, slice(None))])
        return result

    def mean(self):
        return self.loc

    mode = mean

    def variance(self):
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)

    def entropy(self):
        sign, log_det = np.linalg.slogdet(2.0 * np.pi * np.e * self.covariance)
        assert (sign > 0).all()
        return 0.5 * log_det


class IndependentReference:
    """The last `rank` batch axes of another reference, seen as one event."""

    def __init__(self, inner, rank):
        self.inner, self.axes = inner, tuple(range(-rank, 0))
        self.mean, self.variance, self.mode = inner.mean, inner.variance, inner.mode

    def log_prob(self, x):
        return (
            np.sum(self.inner.log_prob(x), axis=self.axes) if self.axes else self.inner.log_prob(x)
        )

    def entropy(self):
        return np.sum(self.inner.entropy(), axis=self.axes) if self.axes else self.inner.entropy()


@dataclass(frozen=True)
class Case:
    """A distribution with given parameters, and what is known about it.

    Attributes:
        name: As it stands in the test's id.
        family: The class under test.
        parameters: Arguments of `make`, in float64.
        reference: From the parameters to the reference.
        values: Where densities are compared; broadcasts against batch_shape + event_shape.
        batch_shape, event_shape: What the distribution must say.
        wrap: From a `family` with the parameters to the distribution; for Independent.
        inner: The class that takes the parameters, where it is not `family`.
        missing: Methods that must refuse.
        is_smooth: Whether densities are differentiable in the parameters.
        is_variant: Whether only the shapes are new, so that draws, gradients and float64 are
            left to the other entries.
    """

    name: str
    family: type
    parameters: dict[str, Any]
    reference: Callable[..., Any]
    values: Any
    batch_shape: tuple = ()
    event_shape: tuple = ()
    wrap: Callable[[Any], Any] = field(default=lambda distribution: distribution)
    inner: type | None = None
    missing: tuple[str, ...] = ()
    is_smooth: bool = True
    is_variant: bool = False

    def make(self, dtype=None, validate=True, **parameters):
        """The distribution; `parameters` replaces those of the entry."""
        parameters = parameters or self.parameters
        return self.wrap((self.inner or self.family)(**parameters, dtype=dtype, validate=validate))


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
_NO_CDF = ("cdf", "quantile")

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
        missing=_NO_CDF,
    ),
    Case(
        "multivariate normal",
        MultivariateNormalTriL,
        {"loc": np.array([1.0, -2.0]), "scale_tril": np.array([[0.5, 0.0], [2.0, 0.1]])},
        MultivariateNormalReference,
        _normals(size=(5, 2)),
        event_shape=(2,),
        missing=_NO_CDF,
    ),
    Case(
        "multivariate normal of one number",
        MultivariateNormalTriL,
        {"loc": np.array([0.5]), "scale_tril": np.array([[2.0]])},
        MultivariateNormalReference,
        _normals(size=(3, 1)),
        event_shape=(1,),
        missing=_NO_CDF,
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
        missing=_NO_CDF,
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
        missing=_NO_CDF,
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
        missing=_NO_CDF,
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
        missing=_NO_CDF,
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
        missing=_NO_CDF,
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
        missing=_NO_CDF,
        is_variant=True,
    ),
]


# The first entry of each family and each set of parameters: for what takes long to compile.
ONE_OF_EACH = list(
    {
        (case.family, *case.parameters): case for case in reversed(CASES) if not case.is_variant
    }.values()
)[::-1]


@dataclass(frozen=True)
class Tail:
    """A place where a naive formula overflows, cancels or divides by zero.

    `parameter` is the name of the one parameter that is differentiated by; `at` broadcasts with
    the values. The expected log densities and derivatives are exact.
    """

    name: str
    make: Callable[[Any], Any]
    at: np.ndarray
    values: np.ndarray
    log_prob: np.ndarray
    derivative: np.ndarray


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
