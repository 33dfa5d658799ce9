"""The entries of directions: von Mises-Fisher and the uniform distribution on a sphere."""

import numpy as np
from scipy import special, stats

from kelbo import ops
from kelbo.distributions import SphericalUniform, VonMisesFisher

from .case import NO_CDF, Case, Tail

_generator = np.random.default_rng(21)


def _directions(*shape):
    vectors = _generator.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def log_area(size):
    return np.log(2.0) + 0.5 * size * np.log(np.pi) - special.gammaln(0.5 * size)


class VonMisesFisherReference:
    """Log densities of `scipy.stats.vonmises_fisher` or, of 0, uniform; moments by quadrature.

    The cosine t to the mean direction has the density e^{k t} (1 - t^2)^{(d - 3) / 2}.
    """

    nodes, weights = np.polynomial.legendre.leggauss(400)

    def __init__(self, mean_direction, concentration):
        self.mu = np.asarray(mean_direction, "float64")
        self.k = np.asarray(concentration, "float64")
        self.size = self.mu.shape[-1]
        self.batch = np.broadcast_shapes(self.mu.shape[:-1], self.k.shape)
        angles = 0.5 * np.pi * (1.0 + self.nodes)  # no end is singular in the angle
        masses = np.exp(self.k[..., None] * (np.cos(angles) - 1.0)) * np.sin(angles) ** (
            self.size - 2
        )
        masses = masses * self.weights
        masses = masses / masses.sum(-1, keepdims=True)
        self.first = (masses * np.cos(angles)).sum(-1)
        self.second = (masses * np.cos(angles) ** 2).sum(-1)

    def _each(self, f):
        """A number for each entry of the batch, from a mean direction and a concentration."""
        mu = np.broadcast_to(self.mu, (*self.batch, self.size))
        k = np.broadcast_to(self.k, self.batch)
        result = np.empty(self.batch)
        for i in np.ndindex(self.batch):
            length = np.linalg.norm(mu[i])
            result[i] = f(mu[i] / length, k[i]) if k[i] else -log_area(self.size)
        return result

    def log_prob(self, x):
        # At the mean direction SciPy is asked; it takes no vectors beside the sphere.
        peak = self._each(lambda mu, k: stats.vonmises_fisher(mu, k).logpdf(mu))
        squared = np.sum((np.asarray(x, "float64") - self.mu) ** 2, axis=-1)
        return peak - 0.5 * self.k * squared

    def entropy(self):
        return self._each(lambda mu, k: float(stats.vonmises_fisher(mu, k).entropy())) * np.where(
            np.broadcast_to(self.k, self.batch) == 0, -1.0, 1.0
        )

    def mean(self):
        return self.first[..., None] * self.mu

    def variance(self):
        along = (self.second - self.first**2)[..., None]
        across = ((1.0 - self.second) / (self.size - 1))[..., None]
        return across * (1.0 - self.mu**2) + along * self.mu**2

    def mode(self):
        return self.mu


class SphericalUniformReference:
    """Of 5 dimensions."""

    size = 5

    def log_prob(self, x):
        return np.full(np.shape(x)[:-1], -log_area(self.size))

    def entropy(self):
        return log_area(self.size)

    def mean(self):
        return np.zeros(self.size)

    def variance(self):
        return np.full(self.size, 1.0 / self.size)

    def mode(self):
        return np.full(self.size, np.nan)


def _tangent_to(directions):
    """Makes a random array a direction in which the vectors may be turned."""

    def project(random):
        along = np.sum(random * directions, axis=-1, keepdims=True)
        return random - along * directions

    return {"mean_direction": project}


_IN_SPACE, _IN_PLANE, _IN_EIGHT = _directions(2, 1, 3), _directions(3, 2), _directions(8)

CASES = [
    Case(
        "von mises fisher batch",
        VonMisesFisher,
        {"mean_direction": _IN_SPACE, "concentration": np.array([0.3, 2.0, 50.0])},
        VonMisesFisherReference,
        _directions(4, 2, 3, 3),
        batch_shape=(2, 3),
        event_shape=(3,),
        missing=NO_CDF,
        has_value_gradient=False,
        pathwise="implicit",
        directions=_tangent_to(_IN_SPACE),
    ),
    Case(
        "von mises fisher on the circle",
        VonMisesFisher,
        {"mean_direction": _IN_PLANE, "concentration": np.array([0.2, 1.0, 7.0])},
        VonMisesFisherReference,
        _directions(4, 3, 2),
        batch_shape=(3,),
        event_shape=(2,),
        missing=NO_CDF,
        has_value_gradient=False,
        is_variant=True,
    ),
    Case(
        "von mises fisher of many dimensions",
        VonMisesFisher,
        {"mean_direction": _IN_EIGHT, "concentration": np.array(5.0)},
        VonMisesFisherReference,
        _directions(4, 8),
        event_shape=(8,),
        missing=NO_CDF,
        has_value_gradient=False,
        is_variant=True,
    ),
    Case(
        "von mises fisher of concentration 0",
        VonMisesFisher,
        {"mean_direction": _directions(4), "concentration": np.array([0.0, 1e-3])},
        VonMisesFisherReference,
        _directions(3, 1, 4),
        batch_shape=(2,),
        event_shape=(4,),
        missing=NO_CDF,
        has_value_gradient=False,
        is_variant=True,
    ),
    Case(
        "uniform directions",
        SphericalUniform,
        {},
        SphericalUniformReference,
        _directions(4, 5),
        event_shape=(5,),
        settings={"dimension": 5},
        missing=NO_CDF,
        is_smooth=False,
        pathwise="none",
    ),
]


class _NearTheNorth:
    """Of three dimensions, at a distance from the mean direction along the sphere."""

    def __init__(self, concentration):
        self.distribution = VonMisesFisher([0.0, 0.0, 1.0], concentration)

    def log_prob(self, distance):
        distance = ops.convert_to_tensor(distance)
        x = ops.stack([ops.sin(distance), ops.zeros_like(distance), ops.cos(distance)], axis=-1)
        return self.distribution.log_prob(x)


def _three_dimensions():
    # The normaliser is k / (4 pi sinh(k)).
    k, steps = np.array([1e-6, 1e-2, 20.0, 1e4])[:, None], np.array([0.0, 0.5, 3.0])
    distances = np.minimum(steps / np.sqrt(1.0 + k), 3.0)
    cosine = -2.0 * np.sin(0.5 * distances) ** 2
    log_sinh = k - np.log(2.0) + np.log(-np.expm1(-2.0 * k))
    log_prob = k * cosine + np.log(k) - np.log(4.0 * np.pi) - (log_sinh - k)
    small = np.where(k < 0.1, k / 3.0 - k**3 / 45.0 + 2.0 * k**5 / 945.0, 0.0)
    resultant = np.where(k < 0.1, small, 1.0 / np.tanh(k) - 1.0 / k)
    rest = np.where(k < 0.1, 1.0 - small, 1.0 / k + 2.0 * np.exp(-2.0 * k) / np.expm1(-2.0 * k))
    assert np.allclose(rest, 1.0 - resultant)
    return Tail(
        "von mises fisher",
        lambda concentration: _NearTheNorth(concentration),
        k,
        distances,
        log_prob,
        cosine + rest,
        # A unit vector is off by its rounding, times the concentration.
        tolerance={"rtol": 2e-5, "atol": 2e-6},
    )


TAILS = [_three_dimensions()]
