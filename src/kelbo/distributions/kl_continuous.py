"""Divergences of continuous distributions of a number."""

import math

import numpy as np
from scipy import special

from kelbo import ops
from kelbo.distributions.cauchy import Cauchy
from kelbo.distributions.exponential import Exponential
from kelbo.distributions.gumbel import Gumbel
from kelbo.distributions.half_normal import HalfNormal
from kelbo.distributions.kl import register_kl
from kelbo.distributions.laplace import Laplace
from kelbo.distributions.log_normal import LogNormal
from kelbo.distributions.uniform import Uniform
from kelbo.distributions.weibull import Weibull

_EULER_GAMMA = float(np.euler_gamma)
# log Γ(2 + t) in powers of t, from t^2 on: to the last digit for |t| < 1/2, where JAX' own has six
# digits in float32, too few for a divergence that is near 0.
_LOG_GAMMA_AROUND_2 = tuple(float((-1) ** n * (special.zeta(n) - 1.0) / n) for n in range(2, 26))


@register_kl(LogNormal, LogNormal)
def _log_normal_log_normal(q, p):
    # Of the normal logarithms: a bijector of both changes nothing.
    ratio = ops.ratio(q.scale, p.scale)
    distance = ops.square(ops.ratio(q.loc - p.loc, p.scale))
    return 0.5 * distance + 0.5 * (ops.square(ratio) - 1.0) - ops.log(ratio)


@register_kl(HalfNormal, HalfNormal)
def _half_normal_half_normal(q, p):
    # Of the normal distributions that they are halves of.
    ratio = ops.ratio(q.scale, p.scale)
    return 0.5 * (ops.square(ratio) - 1.0) - ops.log(ratio)


@register_kl(Laplace, Laplace)
def _laplace_laplace(q, p):
    # G. Gil, F. Alajaji and T. Linder, 2013, "Rényi divergence measures for commonly used
    # univariate continuous distributions", table 2.
    ratio = ops.ratio(q.scale, p.scale)
    distance = ops.abs(q.loc - p.loc)
    shrunk = ops.expm1(-ops.ratio(distance, q.scale))
    rest = ops.ratio(distance, p.scale) + ratio * shrunk
    return rest + (ratio - 1.0) - ops.log(ratio)


@register_kl(Exponential, Exponential)
def _exponential_exponential(q, p):
    ratio = p.rate / q.rate
    return (ratio - 1.0) - ops.log(ratio)


@register_kl(Uniform, Uniform)
def _uniform_uniform(q, p):
    inside = ops.logical_and(q.low >= p.low, q.high <= p.high)
    return ops.where(inside, ops.log((p.high - p.low) / (q.high - q.low)), math.inf)


@register_kl(Cauchy, Cauchy)
def _cauchy_cauchy(q, p):
    # F. Chyzak and F. Nielsen, 2019, "A closed-form formula for the Kullback-Leibler divergence
    # between Cauchy distributions": log(((s + t)^2 + d^2) / (4 s t)), here from 1 on.
    def excess(difference):
        return ops.ratio(difference, q.scale) * ops.ratio(difference, p.scale)

    return ops.log1p(0.25 * (excess(q.scale - p.scale) + excess(q.loc - p.loc)))


def _gumbel(loc_difference, log_ratio):
    """The divergence of Gumbel distributions.

    C. Bauckhage, 2014, "Characterizations and Kullback-Leibler divergence of Gompertz
    distributions", and by hand: the mean of exp(-s z) is Γ(1 + s).

    Args:
        loc_difference: That of q minus that of p, in scales of p.
        log_ratio: Logarithm of the scale of q over that of p.
    """
    change = ops.expm1(log_ratio)
    growth = ops.expm1(_log_gamma_of_2_plus(change) - loc_difference)
    return growth + loc_difference + _EULER_GAMMA * change - log_ratio


def _log_gamma_of_2_plus(t):
    near = ops.abs(t) < 0.5
    small = ops.where(near, t, 0.0)
    series = ops.zeros_like(t)
    for coefficient in reversed(_LOG_GAMMA_AROUND_2):
        series = coefficient + small * series
    series = small * ((1.0 - _EULER_GAMMA) + small * series)
    return ops.where(near, series, ops.lgamma(2.0 + ops.where(near, 1.0, t)))


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(q, p):
    distance = ops.ratio(q.loc - p.loc, p.scale)
    return _gumbel(distance, ops.log(ops.ratio(q.scale, p.scale)))


@register_kl(Weibull, Weibull)
def _weibull_weibull(q, p):
    # Minus the logarithm of a Weibull number is Gumbel, with loc -log(scale), scale 1 / k.
    return _gumbel(
        p.concentration * ops.log(p.scale / q.scale), ops.log(p.concentration / q.concentration)
    )
