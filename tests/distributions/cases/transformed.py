"""The entries of Transformed, with bijectors of numbers and of vectors."""

import numpy as np
from scipy import special, stats

from kelbo import bijectors as kb
from kelbo.distributions import (
    Independent,
    MultivariateNormalTriL,
    Normal,
    Transformed,
)

from .case import MOMENTS, NO_CDF, Case, Tail
from .references import MultivariateNormalReference, ScipyReference


class LogitNormalReference:
    """The sigmoid of a normal number; its distribution function by Gauss-Legendre quadrature."""

    nodes, weights = np.polynomial.legendre.leggauss(400)

    def __init__(self, loc, scale):
        self.normal = stats.norm(loc, scale)

    def log_prob(self, y):
        return self.normal.logpdf(special.logit(y)) - np.log(y) - np.log1p(-y)

    def cdf(self, y):
        y = np.clip(y, 0.0, 1.0)
        return sum(
            0.5 * y * weight * np.exp(self.log_prob(np.clip(0.5 * y * (node + 1.0), 1e-300, None)))
            for node, weight in zip(self.nodes, self.weights, strict=True)
        )

    def quantile(self, u):
        return special.expit(self.normal.ppf(u))


class SticksReference:
    """A normal vector pushed onto the simplex: its density by the numeric Jacobian."""

    def __init__(self, loc, scale):
        self.loc, self.scale = np.asarray(loc), np.asarray(scale)

    @staticmethod
    def forward(x):
        rest, shares = np.ones_like(x[..., 0]), []
        for i in range(x.shape[-1]):
            share = special.expit(x[..., i] - np.log(x.shape[-1] - i))
            shares.append(rest * share)
            rest = rest * (1 - share)
        return np.stack([*shares, rest], axis=-1)

    def log_prob(self, y):
        ends = np.cumsum(y[..., ::-1], axis=-1)[..., ::-1]
        counts = np.arange(y.shape[-1] - 1, 0, -1)
        x = np.log(y[..., :-1] / ends[..., 1:]) + np.log(counts)
        step = 1e-6
        columns = [
            (self.forward(x + step * unit) - self.forward(x - step * unit))[..., :-1] / (2 * step)
            for unit in np.eye(x.shape[-1])
        ]
        log_det = np.linalg.slogdet(np.stack(columns, axis=-1))[1]
        return stats.norm(self.loc, self.scale).logpdf(x).sum(axis=-1) - log_det


def transformed(make_bijector, base=Normal, wrap=lambda distribution: distribution):
    """From parameters of a base, and of a bijector, to the distribution."""

    def make(dtype=None, validate=True, **parameters):
        own = {name: parameters.pop(name) for name in ("shift", "factor") if name in parameters}
        inside = wrap(base(**parameters, dtype=dtype, validate=validate))
        return Transformed(inside, make_bijector(dtype=dtype, **own))

    return make


def _exp(dtype):
    return kb.Exp()


def _affine(dtype, shift, factor):
    return kb.Affine(shift, factor, dtype=dtype)


def _sigmoid(dtype):
    return kb.Sigmoid()


def _shifted_exp(dtype, shift):
    return kb.Chain([kb.Exp(), kb.Shift(shift, dtype=dtype)])


def _scale_tril(dtype, factor, shift):
    return kb.AffineTriL(shift, factor, dtype=dtype)


_generator = np.random.default_rng(11)
_LOC, _SCALE = _generator.normal(size=(3, 1)), np.array([0.3, 1.0])
_FACTOR = np.array([[[0.5, 0.0], [2.0, 0.1]], [[1.0, 0.0], [-0.4, 3.0]]])
_STICKS = {"loc": _generator.normal(size=(2, 3)), "scale": np.array([0.5, 1.0, 1.5])}

CASES = [
    Case(
        "lognormal by Exp",
        Transformed,
        {"loc": _LOC, "scale": _SCALE},
        lambda loc, scale: ScipyReference(stats.lognorm(s=scale, scale=np.exp(loc)), None),
        _generator.uniform(0.1, 5.0, size=4)[:, None, None],
        batch_shape=(3, 2),
        inner=transformed(_exp),
        missing=MOMENTS,
        middle=1.0,
    ),
    Case(
        "lognormal by Exp, shifted",
        Transformed,
        {"loc": 0.2, "scale": 0.7, "shift": np.array([-1.0, 0.5])},
        lambda loc, scale, shift: ScipyReference(
            stats.lognorm(s=scale, scale=np.exp(loc), loc=shift), None
        ),
        np.array([0.6, 0.9, 3.0])[:, None],
        batch_shape=(2,),
        inner=transformed(_shifted_exp),
        missing=MOMENTS,
        middle=1.0,
    ),
    Case(
        "normal by Affine, mirrored",
        Transformed,
        {
            "loc": _LOC,
            "scale": _SCALE,
            "shift": np.array(0.4),
            "factor": np.array([[-2.0], [-0.1], [3.0]]),
        },
        lambda loc, scale, shift, factor: ScipyReference(
            stats.norm(factor * loc + shift, np.abs(factor) * scale), factor * loc + shift
        ),
        _generator.normal(size=(4, 3, 2)),
        batch_shape=(3, 2),
        inner=transformed(_affine),
        # log(1 - Phi) in float32: the quantile of 0.0001 is that of 0.9999, rounded.
        tolerance={"rtol": 4e-4, "atol": 1e-5},
    ),
    Case(
        "logit-normal by Sigmoid",
        Transformed,
        {"loc": np.array([-1.0, 0.5]), "scale": np.array([0.8, 1.2])},
        LogitNormalReference,
        np.array([0.03, 0.4, 0.9, 0.99])[:, None],
        batch_shape=(2,),
        inner=transformed(_sigmoid),
        missing=MOMENTS,
    ),
    Case(
        "multivariate normal by AffineTriL",
        Transformed,
        {
            "loc": np.zeros(2),
            "scale": np.ones(2),
            "factor": _FACTOR,
            "shift": _generator.normal(size=(3, 1, 2)),
        },
        lambda loc, scale, factor, shift: MultivariateNormalReference(
            shift + (factor @ loc[:, None])[..., 0], factor * scale
        ),
        _generator.normal(size=(4, 3, 2, 2)),
        batch_shape=(3, 2),
        event_shape=(2,),
        inner=transformed(_scale_tril, wrap=lambda d: Independent(d, 1)),
        missing=("variance", *NO_CDF),
        directions={"factor": np.tril},
    ),
    Case(
        "correlated lognormals",
        Transformed,
        {"loc": np.array([0.1, -0.3]), "scale_tril": np.array([[0.5, 0.0], [0.7, 0.4]])},
        lambda loc, scale_tril: CorrelatedLognormals(loc, scale_tril),
        _generator.uniform(0.2, 3.0, size=(5, 2)),
        event_shape=(2,),
        inner=transformed(_exp, base=MultivariateNormalTriL),
        missing=(*MOMENTS, *NO_CDF),
    ),
    Case(
        "normal vectors on the simplex",
        Transformed,
        _STICKS,
        SticksReference,
        _generator.dirichlet(2.0 * np.ones(4), size=(5, 2)),
        batch_shape=(2,),
        event_shape=(4,),
        inner=transformed(lambda dtype: kb.Simplex(), wrap=lambda d: Independent(d, 1)),
        missing=(*MOMENTS, *NO_CDF),
        has_value_gradient=False,
        is_variant=True,  # the reference is a difference, good for float32
    ),
]


class CorrelatedLognormals(MultivariateNormalReference):
    """The exponential of a normal vector, from its logarithms."""

    def log_prob(self, x):
        return super().log_prob(np.log(x)) - np.log(x).sum(axis=-1)


def _logit_normal_tail():
    # Near 0 the logit is log y; near 1 a float32 is no nearer than 6e-8, so the left side only.
    loc, y = np.array([-3.0, 0.0, 2.0])[:, None], np.array([1e-30, 1e-12, 1e-4, 0.25])
    x = special.logit(y)
    log_prob = stats.norm(loc, 2.0).logpdf(x) - np.log(y) - np.log1p(-y)
    return Tail(
        "logit-normal",
        lambda loc: Transformed(Normal(loc, 2.0), kb.Sigmoid()),
        loc,
        y,
        log_prob,
        (x - loc) / 4.0,
    )


TAILS = [_logit_normal_tail()]
