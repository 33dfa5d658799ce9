"""The entries of the continuous families of a number that have closed forms throughout."""

import numpy as np
from scipy import integrate, special, stats

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

from .case import Case, Tail
from .references import ScipyReference

INF = np.inf


class KumaraswamyReference:
    """The power 1/a of a Beta(1, b) number, by SciPy's Beta and by quadrature over probability."""

    def __init__(self, concentration1, concentration0):
        self.power, self.b = np.broadcast_arrays(concentration1, concentration0)
        self.beta = stats.beta(1.0, self.b)

    def log_prob(self, x):
        a = self.power
        return self.beta.logpdf(np.power(x, a)) + np.log(a) + special.xlogy(a - 1.0, x)

    def cdf(self, x):
        return self.beta.cdf(np.power(np.clip(x, 0.0, 1.0), self.power))

    def quantile(self, u):
        return self.beta.ppf(u) ** (1.0 / self.power)

    def _over_entries(self, integrand):
        result = np.empty(self.power.shape)
        for i in np.ndindex(result.shape):
            entry = (self.power[i], self.b[i])
            result[i] = integrate.quad(integrand, 0.0, 1.0, entry, epsabs=1e-13, limit=500)[0]
        return result

    def mean(self):
        return self._over_entries(lambda x, a, b: (1.0 - x**a) ** b)

    def variance(self):
        second = self._over_entries(lambda x, a, b: 2.0 * x * (1.0 - x**a) ** b)
        return second - self.mean() ** 2

    def entropy(self):
        def minus_log_density(u, a, b):
            log_rest = np.log1p(-u) / b  # that of 1 - x^a
            log_x = np.log(-np.expm1(log_rest)) / a
            return -np.log(a * b) - (a - 1.0) * log_x - (b - 1.0) * log_rest

        return self._over_entries(minus_log_density)

    def mode(self):
        a, b = self.power, self.b
        inner = (a > 1) & (b > 1)
        safe_a, safe_b = np.where(inner, a, 2.0), np.where(inner, b, 2.0)
        grid = ((safe_a - 1.0) / (safe_a * safe_b - 1.0)) ** (1.0 / safe_a)
        falling, rising = (a <= 1) & (b >= 1), (a >= 1) & (b <= 1)
        ends = np.select([falling & rising, falling, rising], [np.nan, 0.0, 1.0], np.nan)
        return np.where(inner, grid, ends)


class TruncatedNormalReference(ScipyReference):
    """SciPy's, with moments by quadrature from the end that is nearer to loc: SciPy's cancel."""

    def __init__(self, loc, scale, low, high):
        self.loc, self.scale, self.low, self.high = np.broadcast_arrays(loc, scale, low, high)
        a, b = (self.low - self.loc) / self.scale, (self.high - self.loc) / self.scale
        super().__init__(
            stats.truncnorm(a, b, self.loc, self.scale), np.clip(self.loc, self.low, self.high)
        )

    def _moments(self):
        """Of the distance from the mode: mean, mean square; and the log mass beside it."""
        shape = self.loc.shape
        results = np.empty((3, *shape))
        for i in np.ndindex(shape):
            mode, loc, scale = self._mode[i], self.loc[i], self.scale[i]
            tilt = (mode - loc) / scale**2
            width = 90.0 / (abs(tilt) + np.sqrt(tilt**2 + 90.0 / scale**2))
            low, high = max(self.low[i], mode - width), min(self.high[i], mode + width)
            edges = np.linspace(low - mode, high - mode, 9)
            nodes, weights = np.polynomial.legendre.leggauss(40)
            half = 0.5 * np.diff(edges)[:, None]
            y = edges[:-1, None] + half * (nodes + 1.0)
            density = half * weights * np.exp(-y * (tilt + 0.5 * y / scale**2))
            mass = density.sum()
            results[(slice(None), *i)] = (
                (density * y).sum() / mass,
                (density * y**2).sum() / mass,
                np.log(mass),
            )
        return results

    def mean(self):
        return self._mode + self._moments()[0]

    def variance(self):
        first, second, _ = self._moments()
        return second - first**2

    def entropy(self):
        first, second, log_mass = self._moments()
        tilt = (self._mode - self.loc) / self.scale**2
        return log_mass + tilt * first + 0.5 * second / self.scale**2


def _scipy(family, mode):
    """From the parameters to SciPy's distribution, `family`, and its mode."""

    def reference(**parameters):
        at = np.asarray(mode(**parameters))
        shape = np.broadcast_shapes(*(np.shape(value) for value in parameters.values()))
        return ScipyReference(family(**parameters), np.broadcast_to(at, shape))

    return reference


def _loc(loc, scale):
    return loc


def _zero(**parameters):
    return 0.0


def _mode_of_weibull(concentration, scale):
    share = np.maximum(concentration - 1.0, 0.0) / concentration
    return scale * share ** (1.0 / concentration)


_log_normal = _scipy(
    lambda loc, scale: stats.lognorm(scale, scale=np.exp(loc)),
    lambda loc, scale: np.exp(loc - scale**2),
)
_half_normal = _scipy(lambda scale: stats.halfnorm(scale=scale), _zero)
_laplace = _scipy(stats.laplace, _loc)
_logistic = _scipy(stats.logistic, _loc)
_cauchy = _scipy(stats.cauchy, _loc)
_half_cauchy = _scipy(
    lambda loc=0.0, scale=1.0: stats.halfcauchy(loc, scale), lambda loc=0.0, scale=1.0: loc
)
_gumbel = _scipy(stats.gumbel_r, _loc)
_exponential = _scipy(lambda rate: stats.expon(scale=1.0 / rate), _zero)
_uniform = _scipy(lambda low, high: stats.uniform(low, high - low), lambda low, high: np.nan)
_weibull = _scipy(
    lambda concentration, scale: stats.weibull_min(concentration, scale=scale), _mode_of_weibull
)


def _numpyro(name):
    """The class of numpyro, looked up when it is needed: it runs on JAX alone."""

    def make(**parameters):
        import numpyro.distributions

        return getattr(numpyro.distributions, name)(**parameters)

    return make


_generator = np.random.default_rng(0)
_normals, _uniforms = _generator.normal, _generator.uniform
_LINE = {"loc": _normals(size=(3, 1)), "scale": np.array([0.05, 7.0])}
_ANYWHERE = 3.0 * _normals(size=(4, 3, 2))
_POSITIVE = np.exp(_normals(size=(4, 3, 2)))


def _line(name, family, reference, **more):
    """A batch and a single one of a family of loc and scale."""
    return [
        Case(
            f"{name} batch",
            family,
            _LINE,
            reference,
            _ANYWHERE,
            batch_shape=(3, 2),
            numpyro=_numpyro(family.__name__),
            **more,
        ),
        Case(
            name,
            family,
            {"loc": -0.4, "scale": 1.3},
            reference,
            np.array([-3.0, -0.3, 0.2, 5.0, 40.0]),
            numpyro=_numpyro(family.__name__),
            is_variant=True,
            **more,
        ),
    ]


CASES = [
    *_line("laplace", Laplace, _laplace),
    *_line("logistic", Logistic, _logistic),
    *_line("cauchy", Cauchy, _cauchy),
    Case(
        "gumbel batch",
        Gumbel,
        {"loc": _normals(size=(3, 1)), "scale": np.array([0.7, 7.0])},
        _gumbel,
        _ANYWHERE,
        batch_shape=(3, 2),
        numpyro=_numpyro("Gumbel"),
    ),
    Case(
        "gumbel",
        Gumbel,
        {"loc": -0.4, "scale": 1.3},
        _gumbel,
        np.array([-3.0, -0.4, 0.2, 40.0]),
        numpyro=_numpyro("Gumbel"),
        is_variant=True,
    ),
    Case(
        "log normal batch",
        LogNormal,
        {"loc": _normals(size=(3, 1)), "scale": np.array([0.05, 1.2])},
        _log_normal,
        _POSITIVE,
        batch_shape=(3, 2),
        numpyro=_numpyro("LogNormal"),
    ),
    Case(
        "log normal",
        LogNormal,
        {"loc": -0.3, "scale": 0.8},
        _log_normal,
        np.array([1e-3, 0.5, 30.0]),
        numpyro=_numpyro("LogNormal"),
        is_variant=True,
    ),
    Case(
        "half normal batch",
        HalfNormal,
        {"scale": np.array([[0.02], [1.0], [30.0]])},
        _half_normal,
        np.array([1e-3, 0.1, 1.0, 7.0])[:, None, None],
        batch_shape=(3, 1),
        numpyro=_numpyro("HalfNormal"),
    ),
    Case(
        "half normal",
        HalfNormal,
        {"scale": 0.7},
        _half_normal,
        np.array([0.0, 4.0]),
        is_variant=True,
    ),
    Case(
        "half cauchy batch",
        HalfCauchy,
        {"loc": np.array([[-2.0], [0.0], [0.3]]), "scale": np.array([0.05, 4.0])},
        _half_cauchy,
        np.array([0.31, 1.0, 50.0])[:, None, None],
        batch_shape=(3, 2),
    ),
    Case(
        "half cauchy",
        HalfCauchy,
        {"scale": np.array([0.6, 2.0])},
        _half_cauchy,
        np.array([1e-3, 0.3, 90.0])[:, None],
        batch_shape=(2,),
        numpyro=_numpyro("HalfCauchy"),
    ),
    Case(
        "exponential batch",
        Exponential,
        {"rate": np.array([[0.03, 1.0, 25.0]])},
        _exponential,
        np.array([1e-3, 0.2, 5.0])[:, None, None],
        batch_shape=(1, 3),
        numpyro=_numpyro("Exponential"),
    ),
    Case(
        "exponential",
        Exponential,
        {"rate": 1.7},
        _exponential,
        np.array([0.0, 0.4, 20.0]),
        is_variant=True,
    ),
    Case(
        "uniform batch",
        Uniform,
        {"low": np.array([[-3.0], [0.2]]), "high": np.array([0.9, 1.0, 40.0])},
        _uniform,
        _uniforms(0.25, 0.85, size=(4, 2, 3)),
        batch_shape=(2, 3),
        missing=("mode",),
        numpyro=_numpyro("Uniform"),
    ),
    Case(
        "uniform",
        Uniform,
        {"low": 0.0, "high": 2.0},
        _uniform,
        np.array([0.1, 1.7]),
        missing=("mode",),
        is_variant=True,
    ),
    Case(
        "weibull batch",
        Weibull,
        {"concentration": np.array([[0.6], [1.0], [2.5]]), "scale": np.array([0.3, 6.0])},
        _weibull,
        _uniforms(0.01, 2.0, size=(4, 3, 2)),
        batch_shape=(3, 2),
        numpyro=_numpyro("Weibull"),
    ),
    Case(
        "weibull of small and of large concentration",
        Weibull,
        {"concentration": np.array([0.2, 9.9, 10.1, 200.0]), "scale": 0.8},
        _weibull,
        np.array([0.7, 0.8, 0.81])[:, None],
        batch_shape=(4,),
        # SciPy's variance is a difference there: that of Γ is compared in its own test.
        missing=("variance",),
        # A value or a scale that is rounded moves (x / scale)^200 by 200 times as much.
        tolerance={"rtol": 2e-4, "atol": 3e-6},
        is_variant=True,
    ),
    Case(
        "weibull",
        Weibull,
        {"concentration": 1.5, "scale": 0.8},
        _weibull,
        np.array([0.3, 9.0]),
        is_variant=True,
    ),
    Case(
        "kumaraswamy batch",
        Kumaraswamy,
        {
            "concentration1": np.array([[0.5], [1.0], [4.0]]),
            "concentration0": np.array([0.7, 2.0, 12.0]),
        },
        KumaraswamyReference,
        _uniforms(0.02, 0.98, size=(4, 3, 3)),
        batch_shape=(3, 3),
    ),
    Case(
        "kumaraswamy",
        Kumaraswamy,
        {"concentration1": 2.0, "concentration0": 3.0},
        KumaraswamyReference,
        np.array([1e-3, 0.5, 0.999]),
        numpyro=_numpyro("Kumaraswamy"),
        is_variant=True,
    ),
    Case(
        "truncated normal batch",
        TruncatedNormal,
        {
            "loc": np.array([[-0.5], [0.4], [1.5]]),
            "scale": np.array([0.3, 1.0, 50.0]),
            "low": 0.1,
            "high": np.array([[0.9], [0.95], [1.1]]),
        },
        TruncatedNormalReference,
        _uniforms(0.12, 0.88, size=(4, 3, 3)),
        batch_shape=(3, 3),
        numpyro=_numpyro("TruncatedNormal"),
    ),
    Case(
        "truncated normal with infinite ends",
        TruncatedNormal,
        {
            "loc": 0.3,
            "scale": 0.8,
            "low": np.array([-INF, -INF, -1.0, 0.4]),
            "high": np.array([INF, 0.6, INF, INF]),
        },
        TruncatedNormalReference,
        np.array([0.45, 0.55])[:, None],
        batch_shape=(4,),
        cdf_at=(-9.0, 0.5, 1.0, 9.0),
    ),
    Case(
        "truncated normal far in a tail",
        TruncatedNormal,
        {
            "loc": np.array([-8.0, -60.0, 9.0, 300.0]),
            "scale": np.array([1.0, 1.0, 0.5, 1.0]),
            "low": np.array([0.0, 0.0, -INF, 0.0]),
            "high": np.array([INF, 0.5, 1.0, 1.0]),
        },
        TruncatedNormalReference,
        np.array([1e-3, 0.2, 0.45])[:, None],
        batch_shape=(4,),
        cdf_at=(-0.5, 0.01, 0.9, 0.999, 1.5),
        middle=0.3,
    ),
    Case(
        "truncated normal",
        TruncatedNormal,
        {"loc": 0.3, "scale": 0.5, "low": -1.0, "high": 2.0},
        TruncatedNormalReference,
        np.array([-0.9, 0.3, 1.9]),
        is_variant=True,
    ),
]


def _tail_by_loc(name, family, log_density, slope, z):
    """Densities at z / 2, with loc 0 and the scale 1/2, and their derivative by loc."""
    values, loc = np.array(z), np.array([[0.0]])
    return Tail(
        name,
        lambda loc: family(loc, 0.5),
        loc,
        0.5 * values,
        log_density(values)[None] - np.log(0.5),
        slope(values)[None] / 0.5,
    )


def _log_normal_tail():
    values = np.array([2.0**-100, 0.5, 2.0**100])
    loc, scale = np.array([[-60.0], [0.0], [60.0]]), 0.5
    return Tail(
        "log normal",
        lambda loc: LogNormal(loc, scale),
        loc,
        values,
        -0.5 * ((np.log(values) - loc) / scale) ** 2
        - np.log(values)
        - np.log(scale)
        - 0.5 * np.log(2.0 * np.pi),
        (np.log(values) - loc) / scale**2,
    )


def _half_cauchy_tail():
    values, scale = np.array([0.0, 2.0**-70, 1.0, 2.0**80]), np.array([[2.0**-20], [1.0]])
    z = values / scale
    return Tail(
        "half cauchy",
        lambda scale: HalfCauchy(0.0, scale),
        scale,
        values,
        stats.halfcauchy(scale=scale).logpdf(values),
        (2.0 * z**2 / (1.0 + z**2) - 1.0) / scale,
    )


def _exponential_tail():
    values, rate = np.array([0.0, 2.0**-60, 2.0**50]), np.array([[2.0**-60], [1.0], [2.0**40]])
    return Tail(
        "exponential", Exponential, rate, values, np.log(rate) - rate * values, 1.0 / rate - values
    )


def _weibull_tail():
    k, values = np.array([[0.125], [1.0], [2.5]]), np.array([2.0**-60, 0.5, 2.0, 2.0**20])
    z = values / 2.0
    return Tail(
        "weibull",
        lambda k: Weibull(k, 2.0),
        k,
        values,
        stats.weibull_min(k, scale=2.0).logpdf(values),
        1.0 / k + np.log(z) - z**k * np.log(z),
    )


def _kumaraswamy_tail():
    a, b = np.array([[0.125], [1.0], [30.0]]), 4.0
    values = np.array([2.0**-60, 2.0**-10, 0.5, 1.0 - 2.0**-20])
    power, rest = values**a, -np.expm1(a * np.log(values))
    return Tail(
        "kumaraswamy",
        lambda a: Kumaraswamy(a, b),
        a,
        values,
        np.log(a * b) + (a - 1.0) * np.log(values) + (b - 1.0) * np.log(rest),
        1.0 / a + np.log(values) * (1.0 - (b - 1.0) * power / rest),
    )


def _truncated_normal_tail():
    # Mills' ratio by the scaled complementary error function.
    loc, values = -np.array([[0.0], [3.0], [40.0], [3000.0]]), np.array([0.0, 2.0**-12, 1.0])
    mills = np.sqrt(np.pi / 2.0) * special.erfcx(-loc / np.sqrt(2.0))
    return Tail(
        "truncated normal",
        lambda loc: TruncatedNormal(loc, 1.0, 0.0, INF),
        loc,
        values,
        -values * (0.5 * values - loc) - np.log(mills),
        values - _hazard_beyond(-loc),
    )


def _truncated_normal_beyond_squares():
    # So far out the density is that of an exponential distribution of rate -loc.
    rate, values = np.array([[2.0**40], [2.0**100]]), np.array([0.0, 2.0**-100, 2.0**-40, 0.5])
    return Tail(
        "truncated normal whose loc has no square",
        lambda loc: TruncatedNormal(loc, 1.0, 0.0, 1.0),
        -rate,
        values,
        np.log(rate) - rate * values,
        values - 1.0 / rate,
    )


def _hazard_beyond(t):
    """The normal hazard less t, 1 / M(t) - t: by its continued fraction for large t."""
    fraction = np.zeros_like(t)
    for n in range(60, 0, -1):
        fraction = n / (np.maximum(t, 1.0) + fraction)
    direct = 1.0 / (np.sqrt(np.pi / 2.0) * special.erfcx(t / np.sqrt(2.0))) - t
    return np.where(t > 10.0, fraction, direct)


TAILS = [
    _tail_by_loc(
        "laplace",
        Laplace,
        lambda z: -np.abs(z) - np.log(2.0),  # SciPy's is the logarithm of an underflow
        np.sign,
        [-(2.0**60), -3.0, 1.0, 2.0**60],
    ),
    _tail_by_loc(
        "logistic",
        Logistic,
        stats.logistic.logpdf,
        lambda z: np.tanh(0.5 * z),
        [-(2.0**60), -200.0, -20.0, 0.0, 1.0, 30.0, 2.0**60],
    ),
    _tail_by_loc(
        "cauchy",
        Cauchy,
        stats.cauchy.logpdf,
        lambda z: 2.0 * z / (1.0 + z**2),
        [-(2.0**100), -1e5, 0.0, 0.25, 2.0**40, 2.0**60, 2.0**110],
    ),
    _tail_by_loc(
        "gumbel", Gumbel, stats.gumbel_r.logpdf, lambda z: -np.expm1(-z), [-64.0, -1.0, 0.0, 1e4]
    ),
    _log_normal_tail(),
    _half_cauchy_tail(),
    _exponential_tail(),
    _weibull_tail(),
    _kumaraswamy_tail(),
    _truncated_normal_tail(),
    _truncated_normal_beyond_squares(),
]
