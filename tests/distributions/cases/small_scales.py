"""Scales whose square underflows in float32: densities and their derivatives by the scale."""

import numpy as np
from scipy import stats

from kelbo.distributions import (
    Cauchy,
    Gumbel,
    HalfCauchy,
    HalfNormal,
    Laplace,
    Logistic,
    MultivariateNormalDiag,
    Normal,
    StudentT,
    TruncatedNormal,
)

from .case import Tail

# Powers of 2, so that quotients are exact.
_SCALE = np.array([[2.0**-66], [2.0**-100]])
_Z = np.array([0.0, 0.25, 2.0, 8.0])


def _tail(name, make, frozen, slope, z=_Z):
    """Densities at z scales from 0; `slope` is the derivative by the logarithm of the scale."""
    log_prob = frozen.logpdf(z) - np.log(_SCALE)
    return Tail(f"{name} of small scale", make, _SCALE, z * _SCALE, log_prob, slope(z) / _SCALE)


def _square(z):
    return z**2 - 1.0


def _cauchy(z):
    return (z**2 - 1.0) / (z**2 + 1.0)


_MIRRORED = np.concatenate([-_Z[::-1], _Z])
_vectors = Tail(
    "multivariate normal of small scale",
    lambda scale: MultivariateNormalDiag([0.0], scale),
    _SCALE[..., None],
    (_Z * _SCALE)[..., None],
    stats.norm.logpdf(_Z) - np.log(_SCALE),
    (_square(_Z) / _SCALE)[..., None],
)

TAILS = [
    _tail("normal", lambda s: Normal(0.0, s), stats.norm, _square, _MIRRORED),
    _tail("half normal", HalfNormal, stats.halfnorm, _square),
    _tail(
        "truncated normal",
        lambda s: TruncatedNormal(0.0, s, -1.0, np.inf),
        stats.norm,
        _square,
        _MIRRORED,
    ),
    _tail("laplace", lambda s: Laplace(0.0, s), stats.laplace, lambda z: np.abs(z) - 1.0),
    _tail("cauchy", lambda s: Cauchy(0.0, s), stats.cauchy, _cauchy),
    _tail("half cauchy", lambda s: HalfCauchy(0.0, s), stats.halfcauchy, _cauchy),
    _tail(
        "logistic",
        lambda s: Logistic(0.0, s),
        stats.logistic,
        lambda z: z * np.tanh(0.5 * z) - 1.0,
    ),
    _tail(
        "gumbel",
        lambda s: Gumbel(0.0, s),
        stats.gumbel_r,
        lambda z: -z * np.expm1(-z) - 1.0,
    ),
    _tail(
        "student t",
        lambda s: StudentT(4.0, 0.0, s),
        stats.t(4.0),
        lambda z: 5.0 * z**2 / (4.0 + z**2) - 1.0,
    ),
    _vectors,
]
