"""The table of kernels: each with parameters, and its formula in NumPy, entry by entry."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from kelbo.gp import kernels as gk

_RNG = np.random.default_rng(3)


@dataclass(frozen=True)
class Case:
    """A kernel, and what is known about it.

    Attributes:
        name: As it stands in the test's id.
        make: Makes the kernel; with float64 allowed, so not before the test.
        formula: From two inputs, vectors of shape (d,), to their covariance.
        x: Inputs, of shape (n, d), of which two rows are equal.
        moves: Whether it is smooth in the inputs, where they differ.
    """

    name: str
    make: Callable[[], gk.Kernel]
    formula: Callable[[np.ndarray, np.ndarray], float]
    x: np.ndarray
    moves: bool = True


def _inputs(columns, n=6):
    x = _RNG.normal(size=(n, columns))
    x[-1] = x[0]
    return x


_SCALES = np.array([0.7, 1.9])


def _distance(a, b):
    return np.linalg.norm((a - b) / _SCALES)


def _arc_cosine(order, a, b):
    """By its integral over the angle of weights: E of powers of positive parts, twice over."""
    cosine = np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1.0, 1.0)
    # In the plane of both, a random weight has a uniform angle; its length has E r^2p = p! 2^p.
    apart = np.arccos(cosine)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    # Both are positive between these angles, a at 0 and b at `apart`.
    low, high = apart - np.pi / 2, np.pi / 2
    angles = low + (high - low) * (nodes + 1) / 2
    both = (np.cos(angles) * np.cos(angles - apart)) ** order
    integral = (high - low) / 2 * weights @ both / (2 * np.pi)
    lengths = (np.linalg.norm(a) * np.linalg.norm(b)) ** order
    return 2 * special.factorial(order) * 2**order * lengths * integral


def _with_bias(x, weights, bias):
    return np.append(np.sqrt(weights) * x, np.sqrt(bias))


def _zonal_matern(a, b, smoothness, length_scale, levels):
    d = len(a)
    alpha = d / 2 - 1
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    n = np.arange(levels)
    density = (2 * smoothness / length_scale**2 + n * (n + d - 2)) ** -(smoothness + (d - 1) / 2)
    sizes = density * (n + alpha) / alpha
    at_one = sum(sizes * special.eval_gegenbauer(n, alpha, 1.0))
    return lengths * sum(sizes * special.eval_gegenbauer(n, alpha, a @ b / lengths)) / at_one


_WAVES = {
    "mixture_weights": [0.7, 1.2],
    "means": [[0.3, -0.1], [0.05, 0.8]],
    "scales": [[0.1, 0.2], [0.3, 0.05]],
}


def _spectral_mixture(a, b):
    """The cosine transform of the density, with N(mean, scale^2) for each part."""
    apart = a - b
    return sum(
        w
        * np.cos(2 * np.pi * np.dot(mean, apart))
        * np.prod(np.exp(-2 * np.pi**2 * apart**2 * np.square(scale)))
        for w, mean, scale in zip(*_WAVES.values(), strict=True)
    )


_CATEGORIES = np.array([[0.0, 2.0], [1.0, 2.0], [2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])

CASES = [
    Case(
        "RBF",
        lambda: gk.RBF(_SCALES, 1.7),
        lambda a, b: 1.7 * np.exp(-0.5 * _distance(a, b) ** 2),
        _inputs(2),
    ),
    *[
        Case(
            kind,
            lambda kind=kind: getattr(gk, kind)(_SCALES, 1.7),
            lambda a, b, nu=nu: 1.7 * _matern(nu, _distance(a, b)),
            _inputs(2),
        )
        for kind, nu in (("Matern12", 0.5), ("Matern32", 1.5), ("Matern52", 2.5))
    ],
    Case(
        "RationalQuadratic",
        lambda: gk.RationalQuadratic(_SCALES, 1.7, 0.6),
        lambda a, b: 1.7 * (1 + _distance(a, b) ** 2 / 1.2) ** -0.6,
        _inputs(2),
    ),
    Case(
        "Periodic",
        lambda: gk.Periodic([0.9, 2.3], _SCALES, 1.7),
        lambda a, b: (
            1.7
            * np.exp(-2 * np.sum((np.sin(np.pi * (a - b) / np.array([0.9, 2.3])) / _SCALES) ** 2))
        ),
        _inputs(2),
    ),
    Case(
        "Cosine",
        lambda: gk.Cosine([0.9, 2.3], 1.7),
        lambda a, b: 1.7 * np.cos(2 * np.pi * np.sum((a - b) / np.array([0.9, 2.3]))),
        _inputs(2),
    ),
    Case("SpectralMixture", lambda: gk.SpectralMixture(**_WAVES), _spectral_mixture, _inputs(2)),
    Case(
        "Linear",
        lambda: gk.Linear([0.5, 2.0]),
        lambda a, b: a @ (np.array([0.5, 2.0]) * b),
        _inputs(2),
    ),
    Case(
        "Polynomial",
        lambda: gk.Polynomial(3, 0.5, 1.5),
        lambda a, b: (0.5 * a @ b + 1.5) ** 3,
        _inputs(2),
    ),
    Case("Constant", lambda: gk.Constant(2.5), lambda a, b: 2.5, _inputs(2), False),
    *[
        Case(
            f"ArcCosine of order {order}",
            lambda order=order: gk.ArcCosine(order, [0.5, 2.0], 0.8, 1.7),
            lambda a, b, order=order: (
                1.7
                * _arc_cosine(
                    order,
                    _with_bias(a, np.array([0.5, 2.0]), 0.8),
                    _with_bias(b, np.array([0.5, 2.0]), 0.8),
                )
            ),
            _inputs(2),
        )
        for order in (0, 1, 2)
    ],
    Case(
        "ArcCosine without a bias",
        lambda: gk.ArcCosine(1, bias_variance=None),
        lambda a, b: _arc_cosine(1, a, b),
        _inputs(3),
    ),
    *[
        Case(
            f"ZonalMatern {nu}",
            lambda nu=nu: gk.ZonalMatern(nu, 0.6, [0.5, 2.0], 0.8, 1.7, levels=12),
            lambda a, b, nu=nu: (
                1.7
                * _zonal_matern(
                    _with_bias(a, np.array([0.5, 2.0]), 0.8),
                    _with_bias(b, np.array([0.5, 2.0]), 0.8),
                    nu,
                    0.6,
                    12,
                )
            ),
            _inputs(2),
        )
        for nu in (0.5, 2.5)
    ],
    Case(
        "Hamming",
        lambda: gk.Hamming(_SCALES, 1.7),
        lambda a, b: 1.7 * np.exp(-np.sum((a != b) / _SCALES)),
        _CATEGORIES,
        False,
    ),
    Case(
        "Categorical",
        lambda: gk.Categorical(3, -0.2, 1.7),
        lambda a, b: 1.7 if a == b else -0.34,
        _CATEGORIES[:, :1],
        False,
    ),
    Case(
        "mixed inputs",
        lambda: gk.RBF(0.7, active_dims=[0]) * gk.Categorical(3, 0.5, active_dims=[1]) + 0.3,
        lambda a, b: (
            np.exp(-0.5 * ((a[0] - b[0]) / 0.7) ** 2) * (1.0 if a[1] == b[1] else 0.5) + 0.3
        ),
        np.column_stack([_inputs(1, 5), _CATEGORIES[:, 0]]),
        False,
    ),
]


def _matern(nu, r):
    if r == 0:
        return 1.0
    z = np.sqrt(2 * nu) * r
    return 2 ** (1 - nu) / special.gamma(nu) * z**nu * special.kv(nu, z)
