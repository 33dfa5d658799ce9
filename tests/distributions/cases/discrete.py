"""The entries of discrete families, and of their continuous relaxations."""

import numpy as np
from scipy import special, stats

from kelbo.distributions import (
    Binomial,
    Categorical,
    Delta,
    DiscretizedLogistic,
    ExpRelaxedOneHotCategorical,
    Geometric,
    NegativeBinomial,
    OneHotCategorical,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    ZeroInflated,
)

from .case import MOMENTS, NO_CDF, Case, Tail
from .references import ScipyReference

_generator = np.random.default_rng(11)
NO_ENTROPY = ("entropy", "quantile")


class MassReference:
    """A distribution over the numbers `values`, given the probability of each along axis 0."""

    def __init__(self, values, masses):
        self.values = np.reshape(values, (-1, *[1] * (np.ndim(masses) - 1))).astype("float64")
        self.masses = np.asarray(masses)

    def log_prob(self, x):
        x = np.asarray(x, "float64")[None]
        values = self.values.reshape(-1, *[1] * (max(x.ndim - 1, self.masses.ndim - 1)))
        masses = np.where(x == values, self._aligned(x.ndim - 1), 0.0)
        with np.errstate(divide="ignore"):
            return np.log(masses.sum(0))

    def _aligned(self, rank):
        extra = [1] * max(rank - (self.masses.ndim - 1), 0)
        return self.masses.reshape(self.masses.shape[0], *extra, *self.masses.shape[1:])

    def mean(self):
        return np.sum(self.values * self.masses, 0)

    def variance(self):
        return np.sum((self.values - self.mean()) ** 2 * self.masses, 0)

    def entropy(self):
        return special.entr(self.masses).sum(0)

    def mode(self):
        return self.values.ravel()[np.argmax(self.masses, 0)]

    def cdf(self, x):
        x = np.asarray(x, "float64")[None]
        values = self.values.reshape(-1, *[1] * (max(x.ndim - 1, self.masses.ndim - 1)))
        return np.where(values <= x, self._aligned(x.ndim - 1), 0.0).sum(0)

    def quantile(self, u):
        rank = max(np.ndim(u), self.masses.ndim - 1)
        below = np.cumsum(self._aligned(rank), 0) < np.asarray(u)[None]
        return self.values.ravel()[np.minimum(below.sum(0), len(self.values) - 1)]


class OneHotReference:
    """`scipy.stats.multinomial` of one trial."""

    def __init__(self, probs):
        self.probs = np.asarray(probs)

    def log_prob(self, x):
        return special.xlogy(x, self.probs).sum(-1)

    def mean(self):
        return self.probs

    def variance(self):
        return np.diagonal(
            np.array([stats.multinomial(1, p).cov() for p in self.probs.reshape(-1, 3)]),
            axis1=-2,
            axis2=-1,
        ).reshape(self.probs.shape)

    def entropy(self):
        return special.entr(self.probs).sum(-1)

    def mode(self):
        return np.eye(3)[np.argmax(self.probs, -1)]


class GumbelRaceReference:
    """The relaxed one-hot vector, by quadrature: independent Gumbel noise, its scale summed out.

    With z = (logits + noise) / temperature = log x + c, the density of x is the integral over c of
    that of z, over the product of x. In the logarithm y = log x that product is left out.
    """

    def __init__(self, temperature, logits, of_logarithm=False):
        self.temperature = np.asarray(temperature, "float64")[..., None]
        self.logits = np.asarray(logits, "float64")
        self.of_logarithm = of_logarithm

    def log_prob(self, x):
        y = np.asarray(x) if self.of_logarithm else np.log(x)
        t = self.temperature
        nodes, weights = np.polynomial.legendre.leggauss(400)
        # The integrand has its peak where the smallest exponents of the noise balance.
        centre = special.logsumexp(self.logits - t * y, axis=-1, keepdims=True)
        nodes = (15.0 + 35.0 * nodes).reshape(-1, *[1] * centre.ndim)
        noise = t * y - self.logits + (centre + nodes)
        log_density = (np.log(t) - noise - np.exp(-noise)).sum(-1)
        weights = np.log(35.0 * weights).reshape(-1, *[1] * (log_density.ndim - 1))
        log_density = special.logsumexp(log_density + weights, axis=0) - np.log(t[..., 0])
        return log_density if self.of_logarithm else log_density - y.sum(-1)


def _odds(logits=None, probs=None):
    return special.expit(logits) if probs is None else np.asarray(probs)


def _binomial(total_count, **odds):
    p = _odds(**odds)
    mode = np.minimum(np.floor((total_count + 1) * p), total_count)
    return ScipyReference(stats.binom(total_count, p), mode)


def _negative_binomial(total_count, **odds):
    p = _odds(**odds)
    mode = np.floor(np.maximum(total_count - 1, 0) * p / (1 - p))
    return ScipyReference(stats.nbinom(total_count, 1 - p), mode)


def _poisson(rate=None, log_rate=None):
    rate = np.exp(log_rate) if rate is None else np.asarray(rate)
    return ScipyReference(stats.poisson(rate), np.floor(rate))


def _geometric(**odds):
    p = _odds(**odds)
    reference = ScipyReference(stats.geom(p, loc=-1), np.zeros_like(p))
    reference.entropy = lambda: (special.entr(p) + special.entr(1 - p)) / p
    return reference


def _categorical(logits=None, probs=None):
    probs = special.softmax(logits, -1) if probs is None else np.asarray(probs)
    return MassReference(np.arange(probs.shape[-1]), np.moveaxis(probs, -1, 0))


def _one_hot(logits=None, probs=None):
    return OneHotReference(special.softmax(logits, -1) if probs is None else probs)


def _discretized_logistic(low, high):
    def reference(loc, scale):
        x = np.arange(low, high).reshape(-1, *[1] * np.ndim(loc + scale))
        frozen = stats.logistic(loc, scale)
        lower, upper = frozen.cdf(x + 0.5), frozen.sf(x + 0.5)
        left = np.zeros((1, *np.shape(lower)[1:]))
        right = left + 1.0
        # By whichever tail is smaller, for the digits.
        by_lower = np.diff(np.concatenate([left, lower, right]), axis=0)
        by_upper = -np.diff(np.concatenate([right, upper, left]), axis=0)
        is_left = np.concatenate([lower, right]) < 0.5
        return MassReference(np.arange(low, high + 1), np.where(is_left, by_lower, by_upper))

    return reference


def _zero_inflated(inner, values, make_inner):
    """Over `values`, which hold all but a negligible rest of the mass."""

    def reference(logits=None, probs=None, **parameters):
        gate = _odds(logits, probs)
        shape = np.broadcast(gate, *parameters.values()).shape
        x = np.asarray(values).reshape(-1, *[1] * len(shape))
        masses = np.exp(inner(**parameters).log_prob(x))
        return MassReference(values, np.where(x == 0, gate, 0.0) + (1 - gate) * masses)

    def make(logits=None, probs=None, dtype=None, validate=True, **parameters):
        inside = make_inner(**parameters, dtype=dtype, validate=validate)
        return ZeroInflated(inside, logits, probs, dtype=dtype, validate=validate)

    return {"reference": reference, "inner": make}


def _relaxed_bernoulli(temperature, **odds):
    """By SciPy's logistic distribution and a numerical change of variables."""
    logits = special.logit(_odds(**odds))
    frozen = stats.logistic(logits / temperature, 1.0 / temperature)

    class Reference:
        def log_prob(self, x):
            return frozen.logpdf(special.logit(x)) - np.log(x) - np.log1p(-np.asarray(x))

        def cdf(self, x):
            return frozen.cdf(special.logit(np.clip(x, 0.0, 1.0)))

        def quantile(self, u):
            return special.expit(frozen.ppf(u))

    return Reference()


def _race(of_logarithm):
    def reference(temperature, logits=None, probs=None):
        logits = np.log(probs) if logits is None else logits
        return GumbelRaceReference(temperature, logits, of_logarithm)

    return reference


class _Masses:
    """What numpyro knows of a class whose mean it does not define as we do."""

    def __init__(self, distribution):
        self.log_prob = lambda x: distribution.log_prob(x.astype("int32"))


def _numpyro(name):
    def make(**parameters):
        from numpyro import distributions

        return getattr(distributions, name)(**parameters)

    return make


def _numpyro_zero_inflated(logits=None, probs=None, **parameters):
    from numpyro import distributions

    gate = {"gate": probs} if logits is None else {"gate_logits": logits}
    return distributions.ZeroInflatedDistribution(distributions.Poisson(**parameters), **gate)


def _numpyro_relaxed_bernoulli(**parameters):
    from numpyro import distributions

    return distributions.RelaxedBernoulli(**parameters)


def _centred(random):
    """A direction in which probabilities go on summing to 1."""
    return random - random.mean(-1, keepdims=True)


_SIMPLEX = {"probs": _centred}
_LOGITS = _generator.normal(size=(2, 3, 3)) * 2.0
_PROBS = np.array([[0.2, 0.5, 0.3], [0.05, 0.15, 0.8]])
_MANY = _generator.normal(size=(2, 1100))
_COUNTS = np.array([0.0, 1.0, 2.0, 7.0, 60.0])
_AT = (-0.5, 0.0, 0.5, 1.0, 2.5, 40.0)
_INSIDE = special.softmax(_generator.normal(size=(4, 2, 3)) * 2.0, -1)

CASES = [
    Case(
        "binomial by logits",
        Binomial,
        {"total_count": np.array([[7.0], [200.0]]), "logits": np.array([-6.0, 0.3, 2.0])},
        _binomial,
        np.array([0.0, 1.0, 4.0, 6.0, 7.0])[:, None, None],
        batch_shape=(2, 3),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        directions={"total_count": None},
        numpyro=_numpyro("Binomial"),
    ),
    Case(
        "binomial by probs",
        Binomial,
        {"total_count": 10.0, "probs": np.array([0.02, 0.5, 0.9])},
        _binomial,
        np.array([0.0, 1.0, 5.0, 9.0, 10.0])[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        directions={"total_count": None},
        numpyro=_numpyro("Binomial"),
    ),
    Case(
        "binomial that is certain",
        Binomial,
        {"total_count": np.array([0.0, 4.0, 4.0]), "probs": np.array([0.3, 0.0, 1.0])},
        _binomial,
        np.array([0.0, 4.0])[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        is_smooth=False,
    ),
    Case(
        "poisson by rate",
        Poisson,
        {"rate": np.array([[0.7], [20.3]])},
        _poisson,
        _COUNTS[:, None, None],
        batch_shape=(2, 1),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        numpyro=_numpyro("Poisson"),
    ),
    Case(
        "poisson by log rate",
        Poisson,
        {"log_rate": np.array([-4.0, 0.2, 3.3])},
        _poisson,
        _COUNTS[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
    ),
    Case(
        "poisson that is certain",
        Poisson,
        {"rate": np.array([0.0, 1.0, 2.0])},
        _poisson,
        _COUNTS[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        is_smooth=False,
    ),
    Case(
        "negative binomial by logits",
        NegativeBinomial,
        {"total_count": np.array([[0.3], [40.5]]), "logits": np.array([-4.0, 0.3, 1.5])},
        _negative_binomial,
        _COUNTS[:, None, None],
        batch_shape=(2, 3),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        numpyro=_numpyro("NegativeBinomialLogits"),
    ),
    Case(
        "negative binomial by probs",
        NegativeBinomial,
        {"total_count": 3.0, "probs": np.array([0.1, 0.55, 0.8])},
        _negative_binomial,
        _COUNTS[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        # By logits: numpyro moves probabilities away from 0 and 1, and loses digits.
        numpyro=lambda total_count, probs: _numpyro("NegativeBinomialLogits")(
            total_count=total_count, logits=special.logit(probs)
        ),
    ),
    Case(
        "geometric by logits",
        Geometric,
        {"logits": np.array([[-4.0, -0.3, 0.8], [0.0, 2.0, 5.0]])},
        _geometric,
        _COUNTS[:, None, None],
        batch_shape=(2, 3),
        cdf_at=_AT,
        numpyro=_numpyro("Geometric"),
    ),
    Case(
        "geometric by probs",
        Geometric,
        {"probs": np.array([0.03, 0.4, 0.9])},
        _geometric,
        _COUNTS[:, None],
        batch_shape=(3,),
        cdf_at=_AT,
        numpyro=_numpyro("Geometric"),
    ),
    Case(
        "geometric that is certain",
        Geometric,
        {"probs": np.array([1.0, 1.0, 1.0])},
        lambda probs: MassReference(np.arange(2), np.array([probs, 1.0 - probs])),
        np.array([0.0, 1.0])[:, None],
        batch_shape=(3,),
        cdf_at=_AT,
        is_smooth=False,
    ),
    Case(
        "categorical by logits",
        Categorical,
        {"logits": _LOGITS},
        _categorical,
        np.array([0.0, 1.0, 2.0])[:, None, None],
        batch_shape=(2, 3),
        missing=("mean", "variance"),
        cdf_at=_AT,
        numpyro=lambda **k: _Masses(_numpyro("Categorical")(**k)),
    ),
    Case(
        "categorical by probs",
        Categorical,
        {"probs": _PROBS},
        _categorical,
        np.array([0.0, 1.0, 2.0])[:, None],
        batch_shape=(2,),
        missing=("mean", "variance"),
        cdf_at=_AT,
        directions=_SIMPLEX,
        numpyro=lambda **k: _Masses(_numpyro("Categorical")(**k)),
    ),
    Case(
        "categorical of impossible classes",
        Categorical,
        {"probs": np.array([0.0, 0.3, 0.0, 0.7, 0.0])},
        _categorical,
        np.arange(5.0),
        missing=("mean", "variance"),
        cdf_at=_AT,
        is_smooth=False,
    ),
    Case(
        "categorical of many classes",
        Categorical,
        {"logits": _MANY},
        _categorical,
        np.array([0.0, 700.0, 1099.0])[:, None],
        batch_shape=(2,),
        missing=("mean", "variance"),
        cdf_at=_AT,
    ),
    Case(
        "categorical",
        Categorical,
        {"logits": np.array([0.5, -0.5])},
        _categorical,
        np.array([0.0, 1.0]),
        missing=("mean", "variance"),
        cdf_at=_AT,
        is_variant=True,
    ),
    Case(
        "one-hot categorical by logits",
        OneHotCategorical,
        {"logits": _LOGITS},
        _one_hot,
        np.eye(3)[:, None, None],
        batch_shape=(2, 3),
        event_shape=(3,),
        missing=NO_CDF,
        has_value_gradient=False,
    ),
    Case(
        "one-hot categorical by probs, straight through",
        OneHotCategorical,
        {"probs": _PROBS},
        _one_hot,
        np.eye(3)[:, None],
        settings={"straight_through": True},
        batch_shape=(2,),
        event_shape=(3,),
        missing=NO_CDF,
        directions=_SIMPLEX,
        has_value_gradient=False,
        pathwise="implicit",
    ),
    Case(
        "discretized logistic",
        DiscretizedLogistic,
        {"loc": np.array([[-3.0], [100.2], [254.7]]), "scale": np.array([2.0, 9.0, 30.0])},
        _discretized_logistic(0, 255),
        np.array([0.0, 1.0, 100.0, 254.0, 255.0])[:, None, None],
        batch_shape=(3, 3),
        cdf_at=(-1.0, 0.0, 0.5, 100.0, 254.9, 255.0, 300.0),
        # The values are up to 255, the logits of the tails up to a thousand.
        tolerance={"rtol": 1e-4, "atol": 2e-5},
    ),
    Case(
        "discretized logistic of few values",
        DiscretizedLogistic,
        {"loc": 0.3, "scale": np.array([0.4, 5.0])},
        _discretized_logistic(-2, 3),
        np.arange(-2.0, 4.0)[:, None],
        settings={"low": -2, "high": 3},
        batch_shape=(2,),
        cdf_at=(-3.0, -2.0, -0.5, 0.0, 3.0),
    ),
    Case(
        "discretized logistic of one value",
        DiscretizedLogistic,
        {"loc": 0.3, "scale": 2.0},
        _discretized_logistic(1, 1),
        np.array([1.0]),
        settings={"low": 1, "high": 1},
        cdf_at=(0.0, 1.0, 2.0),
        is_variant=True,
    ),
    Case(
        "delta",
        Delta,
        {"loc": np.array([[-1.5], [0.0], [3.0]])},
        lambda loc: MassReference(np.unique(loc), 1.0 * (np.unique(loc)[:, None, None] == loc)),
        np.array([-1.5, 0.0, 3.0, 7.0])[:, None, None],
        batch_shape=(3, 1),
        cdf_at=(-2.0, -1.5, 0.0, 2.9, 3.0),
        is_smooth=False,
    ),
    Case(
        "zero-inflated poisson",
        ZeroInflated,
        {"probs": np.array([[0.3], [0.9]]), "rate": np.array([0.5, 2.0, 6.3])},
        values=np.array([0.0, 0.0, 1.0, 2.0, 5.0])[:, None, None],
        batch_shape=(2, 3),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        numpyro=_numpyro_zero_inflated,
        **_zero_inflated(_poisson, np.arange(80), Poisson),
    ),
    Case(
        "zero-inflated discretized logistic",
        ZeroInflated,
        {"probs": 0.25, "loc": np.array([-1.2, 1.1]), "scale": np.array([0.7, 1.5])},
        values=np.arange(-2.0, 4.0)[:, None],
        batch_shape=(2,),
        cdf_at=(-3.0, -2.0, -0.5, 0.0, 1.0, 3.0),
        **_zero_inflated(
            _discretized_logistic(-2, 3),
            np.arange(-2, 4),
            lambda **k: DiscretizedLogistic(**k, low=-2, high=3),
        ),
    ),
    Case(
        "zero-inflated where that is certain or never",
        ZeroInflated,
        {"probs": np.array([0.0, 0.5, 1.0]), "rate": 2.5},
        values=np.array([0.0, 1.0, 2.0, 3.0, 4.0])[:, None],
        batch_shape=(3,),
        missing=NO_ENTROPY,
        cdf_at=_AT,
        is_smooth=False,
        **_zero_inflated(_poisson, np.arange(50), Poisson),
    ),
    Case(
        "zero-inflated categorical",
        ZeroInflated,
        {"logits": np.array([-20.0, -1.0, 3.0]), "probs": np.array([0.1, 0.3, 0.6])},
        lambda logits, probs: MassReference(
            np.arange(3),
            np.eye(3)[0][:, None] * special.expit(logits)
            + special.expit(-logits) * np.asarray(probs)[:, None],
        ),
        np.arange(3.0)[:, None],
        batch_shape=(3,),
        missing=("mean", "variance"),
        cdf_at=_AT,
        directions=_SIMPLEX,
        inner=lambda logits, probs, dtype=None, validate=True: ZeroInflated(
            Categorical(probs=probs, dtype=dtype, validate=validate), logits, validate=validate
        ),
    ),
    Case(
        "relaxed bernoulli by logits",
        RelaxedBernoulli,
        {"temperature": np.array([[0.9], [1.2], [2.5]]), "logits": np.array([-1.0, 0.4])},
        _relaxed_bernoulli,
        np.array([0.05, 0.1, 0.5, 0.8, 0.97])[:, None, None],
        batch_shape=(3, 2),
        missing=MOMENTS,
        numpyro=_numpyro_relaxed_bernoulli,
    ),
    Case(
        "relaxed bernoulli by probs",
        RelaxedBernoulli,
        {"temperature": 0.7, "probs": np.array([0.1, 0.5, 0.8])},
        _relaxed_bernoulli,
        np.array([0.05, 0.1, 0.5, 0.8, 0.97])[:, None],
        batch_shape=(3,),
        missing=MOMENTS,
        numpyro=_numpyro_relaxed_bernoulli,
    ),
    Case(
        "relaxed one-hot categorical by logits",
        RelaxedOneHotCategorical,
        {"temperature": np.array([0.4, 1.5]), "logits": _LOGITS[:, 0]},
        _race(False),
        _INSIDE,
        batch_shape=(2,),
        event_shape=(3,),
        missing=MOMENTS + NO_CDF,
        has_value_gradient=False,
    ),
    Case(
        "relaxed one-hot categorical by probs",
        RelaxedOneHotCategorical,
        {"temperature": 0.8, "probs": _PROBS},
        _race(False),
        _INSIDE,
        batch_shape=(2,),
        event_shape=(3,),
        missing=MOMENTS + NO_CDF,
        directions=_SIMPLEX,
        has_value_gradient=False,
    ),
    Case(
        "logarithm of the relaxed one-hot categorical",
        ExpRelaxedOneHotCategorical,
        {"temperature": np.array([0.4, 1.5]), "logits": _LOGITS[:, 0]},
        _race(True),
        np.log(_INSIDE),
        batch_shape=(2,),
        event_shape=(3,),
        missing=MOMENTS + NO_CDF,
        has_value_gradient=False,
    ),
]


def _count_tails():
    """Counts of millions, where log factorials have no digit left, and where a rate underflows."""
    log_rate = np.array([-300.0, -10.0, 0.0, 9.0])[:, None]
    counts = np.array([0.0, 1.0, 1e4])
    rate = np.exp(log_rate)
    poisson = Tail(
        "poisson",
        lambda log_rate: Poisson(log_rate=log_rate),
        log_rate,
        counts,
        counts * log_rate - rate - special.gammaln(counts + 1),
        counts - rate,
    )
    logits = np.array([-200.0, -30.0, -5.0, 5.0, 200.0])[:, None]
    successes = np.array([0.0, 1.0, 40.0])
    log_p, log_q = -np.logaddexp(0.0, -logits), -np.logaddexp(0.0, logits)
    choose = special.gammaln(41.0) - special.gammaln(successes + 1)
    choose = choose - special.gammaln(41.0 - successes)
    binomial = Tail(
        "binomial",
        lambda logits: Binomial(40.0, logits=logits),
        logits,
        successes,
        choose + successes * log_p + (40.0 - successes) * log_q,
        successes - 40.0 * special.expit(logits),
    )
    negative_binomial = Tail(
        "negative binomial",
        lambda logits: NegativeBinomial(2.5, logits=logits),
        logits,
        successes,
        special.gammaln(successes + 2.5)
        - special.gammaln(2.5)
        - special.gammaln(successes + 1)
        + successes * log_p
        + 2.5 * log_q,
        successes * special.expit(-logits) - 2.5 * special.expit(logits),
    )
    geometric = Tail(
        "geometric",
        lambda logits: Geometric(logits=logits),
        logits,
        successes,
        log_p + successes * log_q,
        special.expit(-logits) - successes * special.expit(logits),
    )
    return [poisson, binomial, negative_binomial, geometric]


def _discretized_logistic_tail():
    loc, x = (
        np.array([-1e4, -300.0, 128.0, 500.0, 1e4])[:, None],
        np.array([0.0, 7.0, 254.0, 255.0]),
    )
    left, right = (x - 0.5 - loc) / 2.0, (x + 0.5 - loc) / 2.0
    inner = np.log(-np.expm1(-0.5)) - np.logaddexp(0, -right) - np.logaddexp(0, left)
    log_prob = np.where(
        x == 0, -np.logaddexp(0, -right), np.where(x == 255, -np.logaddexp(0, left), inner)
    )
    by_right, by_left = -special.expit(-right) / 2.0, special.expit(left) / 2.0
    derivative = np.where(x < 255, by_right, 0.0) + np.where(x > 0, by_left, 0.0)
    return Tail(
        "discretized logistic",
        lambda loc: DiscretizedLogistic(loc, 2.0),
        loc,
        x,
        log_prob,
        derivative,
    )


def _relaxed_bernoulli_tail():
    logits = np.array([-500.0, -20.0, 0.0, 20.0, 500.0])[:, None]
    x = np.array([2.0**-60, 0.25, 0.5, 1.0 - 2.0**-10])
    log_x, log_rest = np.log(x), np.log1p(-x)
    t = 0.5 * (log_x - log_rest) - logits
    log_prob = np.log(0.5) - t - 2.0 * np.logaddexp(0.0, -t) - log_x - log_rest
    return Tail(
        "relaxed bernoulli",
        lambda logits: RelaxedBernoulli(0.5, logits=logits),
        logits,
        x,
        log_prob,
        1.0 - 2.0 * special.expit(-t),
    )


TAILS = [*_count_tails(), _discretized_logistic_tail(), _relaxed_bernoulli_tail()]
