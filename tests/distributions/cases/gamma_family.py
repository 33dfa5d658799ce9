"""The entries of families whose draws rest on the gamma function."""

import numpy as np
from scipy import special, stats

from kelbo import ops
from kelbo.distributions import (
    Beta,
    Dirichlet,
    Gamma,
    InverseGamma,
    MultivariateStudentT,
    StudentT,
    VonMises,
)

from .case import NO_CDF, Case, Tail
from .references import ScipyReference


class StudentTReference(ScipyReference):
    """SciPy's, with a mean of NaN where there is none (SciPy says infinity)."""

    def __init__(self, df, loc, scale):
        df, loc, scale = np.broadcast_arrays(df, loc, scale)
        super().__init__(stats.t(df, loc, scale), loc)
        self._mean = np.where(df > 1, loc, np.nan)

    def mean(self):
        return self._mean


class DirichletReference:
    """`scipy.stats.dirichlet`, one batch entry after another."""

    def __init__(self, concentration):
        self.concentration = np.asarray(concentration, "float64")
        self.entries = {
            i: stats.dirichlet(self.concentration[i])
            for i in np.ndindex(self.concentration.shape[:-1])
        }

    def _each(self, f, shape=()):
        result = np.empty(self.concentration.shape[:-1] + shape)
        for i, frozen in self.entries.items():
            result[i] = f(frozen)
        return result

    def log_prob(self, x):
        x = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), self.concentration.shape))
        result = np.empty(x.shape[:-1])
        for i, frozen in self.entries.items():
            rows = x[(..., *i, slice(None))].reshape(-1, x.shape[-1])
            # SciPy asks for a sum of exactly 1, and for what finite differences move to sum to it.
            constant = frozen.logpdf(np.full(x.shape[-1], 1.0 / x.shape[-1]))
            powers = self.concentration[i] - 1.0
            scores = constant + special.xlogy(powers, rows * x.shape[-1]).sum(-1)
            result[(..., *i)] = scores.reshape(x.shape[: x.ndim - 1 - len(i)])
        return result

    def mean(self):
        return self._each(lambda frozen: frozen.mean(), self.concentration.shape[-1:])

    def variance(self):
        return self._each(lambda frozen: frozen.var(), self.concentration.shape[-1:])

    def entropy(self):
        return self._each(lambda frozen: frozen.entropy())

    def mode(self):
        excess = self.concentration - 1.0
        total = excess.sum(-1, keepdims=True)
        single = (excess >= 0).all(-1, keepdims=True) & (total > 0)
        return np.where(single, excess / np.where(single, total, 1.0), np.nan)


class MultivariateStudentTReference:
    """`scipy.stats.multivariate_t`, one batch entry after another."""

    def __init__(self, df, loc, scale_tril):
        df, loc = np.asarray(df, "float64"), np.asarray(loc, "float64")
        scale_tril = np.asarray(scale_tril, "float64")
        batch = np.broadcast_shapes(df.shape, loc.shape[:-1], scale_tril.shape[:-2])
        self.df, self.loc = np.broadcast_to(df, batch), np.broadcast_to(loc, batch + loc.shape[-1:])
        factor = np.broadcast_to(scale_tril, batch + scale_tril.shape[-2:])
        self.shape = factor @ np.swapaxes(factor, -1, -2)
        self.entries = {
            i: stats.multivariate_t(self.loc[i], self.shape[i], self.df[i])
            for i in np.ndindex(batch)
        }

    def log_prob(self, x):
        x = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), self.loc.shape))
        result = np.empty(x.shape[:-1])
        for i, frozen in self.entries.items():
            result[(..., *i)] = frozen.logpdf(x[(..., *i, slice(None))])
        return result

    def mean(self):
        return np.where(self.df[..., None] > 1, self.loc, np.nan)

    def mode(self):
        return self.loc

    def variance(self):
        factor = stats.t(self.df).var()
        return factor[..., None] * np.diagonal(self.shape, axis1=-2, axis2=-1)

    def entropy(self):
        result = np.empty(self.df.shape)
        for i, frozen in self.entries.items():
            result[i] = frozen.entropy()
        return result


class VonMisesReference:
    """SciPy's density; the distribution function from -pi on, by quadrature and its inversion."""

    nodes, weights = np.polynomial.legendre.leggauss(20)
    # 64 panels of 20 nodes each, on [0, 1].
    at = ((np.arange(64)[:, None] + 0.5 * (nodes + 1.0)) / 64).ravel()
    weights = np.tile(0.5 * weights / 64, 64)

    def __init__(self, loc, concentration):
        self.loc, self.concentration = np.broadcast_arrays(loc, concentration)
        self.frozen = stats.vonmises(self.concentration, self.loc)
        self.log_prob = self.frozen.logpdf

    def mean(self):
        return (self.loc + np.pi) % (2 * np.pi) - np.pi

    mode = mean

    def variance(self):
        return 1.0 - special.i1e(self.concentration) / special.i0e(self.concentration)

    def entropy(self):
        return self.frozen.entropy() * np.ones(self.loc.shape)

    def cdf(self, x):
        width = np.clip(x, -np.pi, np.pi) + np.pi
        steps = zip(self.at, self.weights, strict=True)
        return sum(w * width * self.frozen.pdf(-np.pi + u * width) for u, w in steps)

    def quantile(self, u):
        low, high = -np.pi * np.ones(np.broadcast(u, self.loc).shape), np.pi
        for _ in range(50):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)


def _gamma(concentration, rate=None, log_rate=None):
    scale = 1.0 / rate if log_rate is None else np.exp(-np.asarray(log_rate))
    frozen = stats.gamma(concentration, scale=scale)
    return ScipyReference(frozen, np.maximum(concentration - 1.0, 0.0) * scale)


def _inverse_gamma(concentration, scale):
    frozen = stats.invgamma(concentration, scale=scale)
    return ScipyReference(frozen, scale / (concentration + 1.0))


def _beta(concentration1, concentration0):
    a, b = np.broadcast_arrays(concentration1, concentration0)
    inner = (a > 1) & (b > 1)
    mode = np.where(inner, a - 1, 1.0) / np.where(inner, a + b - 2, 1.0)
    falling, rising = (a <= 1) & (b >= 1) & (a < b), (b <= 1) & (a >= 1) & (b < a)
    mode = np.select([inner, falling, rising], [mode, 0.0, 1.0], np.nan)
    return ScipyReference(stats.beta(a, b), mode)


def _numpyro(name, **renamed):
    """From the parameters to the distribution of numpyro; `renamed` holds its names for ours."""

    def reference(**parameters):
        import numpyro.distributions as dist

        given = {renamed.get(key, key): value for key, value in parameters.items()}
        return getattr(dist, name)(**given)

    return reference


# Functions of draws that depend on all parameters and have a finite variance, with their means.


def _mean_log(concentration, scale):
    return np.log(scale) - special.digamma(concentration)


def _bounded(x):
    return x**2 / (1.0 + x**2)


def _mean_bounded(df, loc, scale):
    df, loc, scale = np.broadcast_arrays(df, loc, scale)
    result = np.empty(loc.shape)
    for i in np.ndindex(loc.shape):
        frozen = stats.t(df[i], loc[i], scale[i])
        result[i] = frozen.expect(_bounded, epsabs=1e-12, epsrel=1e-12, limit=500)
    return result


def _mean_bounded_sum(df, loc, scale_tril):
    scale = np.sqrt(np.sum(np.square(scale_tril), axis=-1))
    return _mean_bounded(np.asarray(df)[..., None], loc, scale).sum(-1)


def _direction(x):
    return 2.0 * ops.cos(x) + ops.sin(x)


def _mean_direction(loc, concentration):
    length = special.i1e(concentration) / special.i0e(concentration)
    return length * (2.0 * np.cos(loc) + np.sin(loc))


_generator = np.random.default_rng(5)
_SHARES = np.array([1e-3, 0.1, 0.4, 0.7, 0.999])[:, None, None]
_A, _R = np.array([[0.3, 1.0, 2.5], [7.9, 40.0, 1e3]]), np.array([[0.2], [3.0]])
_ALPHA, _BETA = np.array([[0.7, 1.5, 3.0, 12.0]]), np.array([[0.5], [4.0]])
_ONE, _ZERO = np.array([[0.2, 1.0, 1.0, 2.0, 30.0, 500.0]]), np.array([[0.5], [1.0], [90.0]])
_DF = np.array([0.6, 1.0, 1.7, 3.0, 40.0, 1e5])
_SHARES_OF_K = np.array([[0.3, 1.0, 2.0, 9.0], [100.0, 300.0, 20.0, 1.0]])
_LOWER = np.array([[[0.7, 0.0], [-1.0, 0.5]], [[2.0, 0.0], [0.3, 1.0]]])
# Values keep away from the ends, where finite differences fail; those are among the tails.
CASES = [
    Case(
        "gamma",
        Gamma,
        {"concentration": _A, "rate": _R},
        _gamma,
        np.maximum(stats.gamma(_A, scale=1.0 / _R).ppf(_SHARES), 0.02),
        batch_shape=(2, 3),
        cdf_at=(-0.5, 0.0, 0.02, 0.5, 1.5, 300.0),
        pathwise="implicit",
        numpyro=_numpyro("Gamma"),
    ),
    Case(
        "gamma by the logarithm of its rate",
        Gamma,
        {"concentration": np.array([1.0, 6.0]), "log_rate": np.array(1.3)},
        _gamma,
        np.array([0.1, 0.7, 30.0])[:, None],
        batch_shape=(2,),
        pathwise="implicit",
    ),
    Case(
        "exponential as gamma",
        Gamma,
        {"concentration": np.array(1.0), "rate": np.array(0.5)},
        _gamma,
        np.array([0.0, 0.7, 30.0]),
        pathwise="implicit",
        is_variant=True,
    ),
    Case(
        "inverse gamma",
        InverseGamma,
        {"concentration": _ALPHA, "scale": _BETA},
        _inverse_gamma,
        stats.invgamma(_ALPHA, scale=_BETA).ppf(_SHARES),
        batch_shape=(2, 4),
        pathwise="implicit",
        statistic=(ops.log, _mean_log),
        numpyro=_numpyro("InverseGamma", scale="rate"),
    ),
    Case(
        "inverse gamma with moments",
        InverseGamma,
        {"concentration": np.array([5.0, 300.0]), "scale": np.array([2.0, 300.0])},
        _inverse_gamma,
        np.array([0.4, 1.0, 1.1])[:, None],
        batch_shape=(2,),
        pathwise="implicit",
        is_variant=True,
    ),
    Case(
        "beta",
        Beta,
        {"concentration1": _ONE, "concentration0": _ZERO},
        _beta,
        np.clip(stats.beta(_ONE, _ZERO).ppf(_SHARES), 0.02, 0.98),
        batch_shape=(3, 6),
        pathwise="implicit",
        numpyro=_numpyro("Beta"),
    ),
    Case(
        "uniform as beta",
        Beta,
        {"concentration1": np.array(1.0), "concentration0": np.array(1.0)},
        _beta,
        np.array([0.0, 0.3, 1.0]),
        pathwise="implicit",
        is_variant=True,
    ),
    Case(
        "student t",
        StudentT,
        {"df": _DF, "loc": np.array([[0.3], [-2.0]]), "scale": np.array([[1.5], [0.2]])},
        StudentTReference,
        _generator.standard_t(2.0, size=(4, 2, 6)),
        batch_shape=(2, 6),
        pathwise="implicit",
        statistic=(_bounded, _mean_bounded),
    ),
    Case(
        "student t with moments",
        StudentT,
        {"df": np.array([2.5, 1e3]), "loc": np.array(1.0), "scale": np.array(2.0)},
        StudentTReference,
        np.array([-8.0, 0.7, 30.0])[:, None],
        batch_shape=(2,),
        pathwise="implicit",
        numpyro=_numpyro("StudentT"),
        is_variant=True,
    ),
    Case(
        "dirichlet",
        Dirichlet,
        {"concentration": _SHARES_OF_K},
        DirichletReference,
        _generator.dirichlet(np.full(4, 2.0), size=(5, 2)),
        batch_shape=(2,),
        event_shape=(4,),
        missing=NO_CDF,
        has_value_gradient=False,
        pathwise="implicit",
        numpyro=_numpyro("Dirichlet"),
    ),
    Case(
        "uniform as dirichlet",
        Dirichlet,
        {"concentration": np.ones(3)},
        DirichletReference,
        np.array([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]),
        event_shape=(3,),
        missing=NO_CDF,
        pathwise="implicit",
        is_variant=True,
    ),
    Case(
        "multivariate student t",
        MultivariateStudentT,
        {
            "df": np.array([[0.8], [1.5], [6.0]]),
            "loc": np.array([[0.5, 2.0], [1.0, 0.3]]),
            "scale_tril": _LOWER,
        },
        MultivariateStudentTReference,
        _generator.normal(size=(4, 3, 2, 2)) * 3.0,
        batch_shape=(3, 2),
        event_shape=(2,),
        missing=NO_CDF,
        pathwise="implicit",
        statistic=(lambda x: ops.sum(_bounded(x), axis=-1), _mean_bounded_sum),
    ),
    Case(
        "multivariate student t with moments",
        MultivariateStudentT,
        {"df": np.array(4.5), "loc": np.array([0.5, -2.0]), "scale_tril": _LOWER[0]},
        MultivariateStudentTReference,
        _generator.normal(size=(4, 2)),
        event_shape=(2,),
        missing=NO_CDF,
        pathwise="implicit",
        numpyro=_numpyro("MultivariateStudentT"),
        is_variant=True,
    ),
    Case(
        "von mises",
        VonMises,
        {"loc": np.array([[0.5], [-3.0]]), "concentration": np.array([0.1, 3.0, 150.0])},
        VonMisesReference,
        _generator.uniform(-np.pi, np.pi, size=(5, 2, 3)),
        batch_shape=(2, 3),
        cdf_at=(-4.0, -3.0, -0.5, 0.0, 0.52, 3.0),
        pathwise="implicit",
        statistic=(_direction, _mean_direction),
        numpyro=_numpyro("VonMises"),
        is_circular=True,
    ),
    Case(
        "uniform as von mises",
        VonMises,
        {"loc": np.array(1.0), "concentration": np.array(0.0)},
        VonMisesReference,
        np.array([-3.0, 0.3, 3.1]),
        pathwise="implicit",
        is_circular=True,
        is_variant=True,
    ),
]


def _gamma_tail():
    a, x = np.array([1e-3, 1.0, 2.5, 30.0])[:, None], np.array([1e-30, 1e-3, 1.0, 1e4])
    return Tail(
        "gamma",
        lambda concentration: Gamma(concentration, rate=0.5),
        a,
        x,
        a * np.log(0.5) + special.xlogy(a - 1.0, x) - 0.5 * x - special.gammaln(a),
        np.log(0.5 * x) - special.digamma(a),
    )


def _inverse_gamma_tail():
    a, x = np.array([1e-3, 1.0, 2.5, 30.0])[:, None], np.array([1e-4, 1.0, 1e30])
    return Tail(
        "inverse gamma",
        lambda concentration: InverseGamma(concentration, 0.5),
        a,
        x,
        a * np.log(0.5) - (a + 1.0) * np.log(x) - 0.5 / x - special.gammaln(a),
        np.log(0.5 / x) - special.digamma(a),
    )


def _beta_tail():
    a, x = np.array([1e-3, 1.0, 2.5, 30.0])[:, None], np.array([2.0**-90, 0.75, 1 - 2.0**-24])
    return Tail(
        "beta",
        lambda concentration1: Beta(concentration1, 3.0),
        a,
        x,
        special.xlogy(a - 1.0, x) + 2.0 * np.log1p(-x) + np.log(0.5 * a * (a + 1.0) * (a + 2.0)),
        np.log(x) + 1.0 / a + 1.0 / (a + 1.0) + 1.0 / (a + 2.0),
    )


# What follows was computed with 50 digits, by mpmath, at numbers that float32 holds exactly.
_HUGE = 2.0**20
# A value's distance to the center times the concentration is in the thousands there, and its digits
# are those of float32; without care the error would be above 1.
_NEAR_HUGE = {"rtol": 2e-5, "atol": 2e-5}


def _gamma_of_large_concentration():
    return Tail(
        "gamma of large concentration",
        lambda concentration: Gamma(concentration, rate=2.0),
        np.array([_HUGE]),
        np.array([521216.0, 523776.0, 524288.0, 524800.0, 528384.0]),
        np.array(
            [
                -25.222009575207373,
                -7.656611957507542,
                -7.15726323771704,
                -7.657914041089229,
                -38.999349209948946,
            ]
        ),
        np.array(
            [
                -0.005876131651751048,
                -0.0009765628105926185,
                4.768372339943502e-07,
                0.0009765628102894532,
                0.007782617279288943,
            ]
        ),
        tolerance=_NEAR_HUGE,
    )


def _inverse_gamma_of_large_concentration():
    return Tail(
        "inverse gamma of large concentration",
        lambda concentration: InverseGamma(concentration, _HUGE),
        np.array([_HUGE]),
        np.array([0.99609375, 0.999755859375, 1.0, 1.0009765625, 1.0078125]),
        np.array(
            [
                -2.0254034459487444,
                5.981517188033357,
                6.012533192921921,
                5.512207434104096,
                -25.66482108472253,
            ]
        ),
        np.array(
            [
                0.003914376158370324,
                0.0002446472694079088,
                4.768372339943502e-07,
                -0.0009756091358214645,
                -0.007781663604820955,
            ]
        ),
        tolerance=_NEAR_HUGE,
    )


def _beta_of_large_concentrations():
    return Tail(
        "beta of large concentrations",
        lambda concentration1: Beta(concentration1, _HUGE),
        np.array([[_HUGE], [2.0 * _HUGE]]),
        np.array([0.50048828125, 0.5, 0.498046875]),
        np.array(
            [
                [6.052254400862719, 7.0522539240254085, -8.94785288862339],
                [-177122.35598602452, -178144.85631178395, -182264.87731315647],
            ]
        ),
        np.array(
            [
                [0.0009763243916914039, 2.3841863594498136e-07, -0.003913660902500384],
                [-0.28670590700585524, -0.2876819929789107, -0.291595892300047],
            ]
        ),
        tolerance=_NEAR_HUGE,
    )


def _student_t_tail():
    return Tail(
        "student t",
        lambda df: StudentT(df, 0.0, 1.0),
        np.array([2.0**-8, 0.5, 3.0, 2.0**20, 2.0**60])[:, None],
        np.array([0.0, 2.0**-20, 1.0, 8.0, 2.0**90]),
        np.array(
            [
                [
                    -3.468437251905397,
                    -3.4684372520222673,
                    -6.253813333581318,
                    -8.339451394895942,
                    -68.87878720490211,
                ],
                [
                    -1.3105329259115095,
                    -1.3105329259128737,
                    -2.1344921424125918,
                    -4.955392229182763,
                    -95.40526268692409,
                ],
                [
                    -1.0008888496235098,
                    -1.000888849624116,
                    -1.5762529945270716,
                    -7.213049511069222,
                    -248.3366492738676,
                ],
                [
                    -0.9189387716232519,
                    -0.9189387716237066,
                    -1.4189390100417552,
                    -32.91799276550471,
                    -58145456.210939236,
                ],
                [
                    -0.9189385332046728,
                    -0.9189385332051275,
                    -1.4189385332046727,
                    -32.918938533204674,
                    -4.794865741950996e19,
                ],
            ]
        ),
        np.array(
            [
                [
                    127.31005188106194,
                    127.31005191086426,
                    252.53551383861432,
                    250.95014856158792,
                    190.65421690842706,
                ],
                [
                    0.5707963267948967,
                    0.5707963267967157,
                    1.0214901824608418,
                    -0.3707377823626836,
                    -60.65902351388015,
                ],
                [
                    0.026480513893278643,
                    0.02648051389332917,
                    0.04930614433405484,
                    -0.8897437310701396,
                    -61.140792925501074,
                ],
                [
                    2.2737367544312866e-13,
                    2.2737367544354225e-13,
                    4.5474720632617444e-13,
                    -9.019173607104114e-10,
                    -54.95177396795824,
                ],
                [
                    1.88079096131566e-37,
                    1.880790961319081e-37,
                    3.76158192263132e-37,
                    -7.461097743539222e-34,
                    -41.08883083359672,
                ],
            ]
        ),
    )


def _von_mises_tail():
    k, x = np.array([0.0, 1e-6, 2.0, 1e8])[:, None], np.array([-3.0, 0.0, 1e-4, 2.0])
    length = special.i1e(k) / special.i0e(k)
    rest = np.where(k > 1e6, 0.5 / np.maximum(k, 1.0), 1.0 - length)
    log_prob = -2.0 * k * np.sin(0.5 * x) ** 2 - np.log(2.0 * np.pi * special.i0e(k))
    return Tail(
        "von mises",
        lambda concentration: VonMises(0.0, concentration),
        k,
        x,
        log_prob,
        rest - 2.0 * np.sin(0.5 * x) ** 2,
    )


TAILS = [
    _gamma_tail(),
    _inverse_gamma_tail(),
    _beta_tail(),
    _gamma_of_large_concentration(),
    _inverse_gamma_of_large_concentration(),
    _beta_of_large_concentrations(),
    _student_t_tail(),
    _von_mises_tail(),
]
