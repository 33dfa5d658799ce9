"""Divergences of continuous distributions of a number."""

import math

import numpy as np

from kelbo import ops
from kelbo.distributions.continuous.cauchy import Cauchy
from kelbo.distributions.continuous.exponential import Exponential
from kelbo.distributions.continuous.gumbel import Gumbel
from kelbo.distributions.continuous.half_normal import HalfNormal
from kelbo.distributions.continuous.laplace import Laplace
from kelbo.distributions.continuous.log_normal import LogNormal
from kelbo.distributions.continuous.uniform import Uniform
from kelbo.distributions.continuous.weibull import Weibull
from kelbo.distributions.kl.parameter_changes import log_of_ratio, relative_change
from kelbo.distributions.kl.registry import register_kl
from kelbo.ops.special.bregman import excess, expm1_minus
from kelbo.ops.special.gamma_density import (
    log_gamma_divergence_from_one,
    log_gamma_of_two_plus,
)
from kelbo.ops.special.normal_divergence import normal_divergence

_EULER_GAMMA = float(np.euler_gamma)
# From here on the logarithm of a ratio is a difference of logarithms to all digits.
_FAR_RATIO = 1e12


@register_kl(LogNormal, LogNormal)
def _log_normal_log_normal(q, p):
    # Of the normal logarithms: a bijector of both changes nothing.
    return normal_divergence(q.loc - p.loc, q.scale, p.scale)


@register_kl(HalfNormal, HalfNormal)
def _half_normal_half_normal(q, p):
    # Of the normal distributions that they are halves of.
    return normal_divergence(ops.zeros_like(q.scale), q.scale, p.scale)


@register_kl(Laplace, Laplace)
def _laplace_laplace(q, p):
    # G. Gil, F. Alajaji and T. Linder, 2013, "Rényi divergence measures for commonly used
    # univariate continuous distributions", table 2: the divergence of the scales, and that of the
    # centers, r (e^-x - 1 + x).
    ratio = ops.ratio(q.scale, p.scale)
    change = ops.ratio(q.scale - p.scale, p.scale)
    distance = ops.abs(q.loc - p.loc)
    near, none = distance < q.scale, distance > 100.0 * q.scale  # e^-x is nothing beside x there
    x = ops.ratio(ops.where(none, 0.0, distance), q.scale)
    close = ratio * expm1_minus(ops.where(near, -x, 0.0))
    # Far apart by the other scale: the ratio times x might overflow.
    far = ops.ratio(distance, p.scale) + ratio * ops.where(none, -1.0, ops.expm1(-x))
    return excess(change, ratio) + ops.where(near, close, far)


@register_kl(Exponential, Exponential)
def _exponential_exponential(q, p):
    return excess(relative_change(q, p, "rate"), ops.ratio(p.rate, q.rate))


@register_kl(Uniform, Uniform)
def _uniform_uniform(q, p):
    inside = ops.logical_and(q.low >= p.low, q.high <= p.high)
    width = q.high - q.low
    below, above = (ops.where(inside, x, 0.0) for x in (q.low - p.low, p.high - q.high))
    # Of two shares that are not negative; each may be large.
    wider = ops.ratio(below, width) + ops.ratio(above, width)
    # Far out by logarithms: the slope of the ratio itself may overflow.
    far = wider > _FAR_RATIO
    by_logs = ops.log(p.high - p.low) - ops.log(width)
    safe_below, safe_above = (ops.where(far, 0.0, x) for x in (below, above))
    wider = ops.ratio(safe_below, width) + ops.ratio(safe_above, width)
    return ops.where(inside, ops.where(far, by_logs, ops.log1p(wider)), math.inf)


@register_kl(Cauchy, Cauchy)
def _cauchy_cauchy(q, p):
    # F. Chyzak and F. Nielsen, 2019, "A closed-form formula for the Kullback-Leibler divergence
    # between Cauchy distributions": log(((s + t)^2 + d^2) / (4 s t)), here from 1 on.
    def excess(change, distance):
        each = [ops.ratio(x, q.scale) * ops.ratio(x, p.scale) for x in (change, distance)]
        return 0.25 * (each[0] + each[1])

    change, distance = q.scale - p.scale, q.loc - p.loc
    # Far out by logarithms: the slope of a ratio itself may overflow.
    far = ~(excess(change, distance) < _FAR_RATIO)
    scales, size = q.scale + p.scale, ops.abs(distance)
    larger, smaller = ops.maximum(scales, size), ops.minimum(scales, size)
    squares = 2.0 * ops.log(larger) + ops.log1p(ops.square(ops.ratio(smaller, larger)))
    by_logs = squares - ops.log(q.scale) - ops.log(p.scale) - 2.0 * math.log(2.0)
    near = ops.log1p(excess(*(ops.where(far, 0.0, x) for x in (change, distance))))
    return ops.where(far, by_logs, near)


def _gumbel(loc_difference, ratio, change):
    """The divergence of Gumbel distributions.

    C. Bauckhage, 2014, "Characterizations and Kullback-Leibler divergence of Gompertz
    distributions", and by hand: the mean of exp(-s z) is Γ(1 + s). As a sum of two terms that are
    not negative.

    Args:
        loc_difference: That of q minus that of p, in scales of p.
        ratio: The scale of q over that of p.
        change: The ratio less 1, with all its digits.
    """
    of_means = expm1_minus(log_gamma_of_two_plus(change) - loc_difference)
    return of_means + log_gamma_divergence_from_one(ratio, change)


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(q, p):
    distance = ops.ratio(q.loc - p.loc, p.scale)
    change = ops.ratio(q.scale - p.scale, p.scale)
    return _gumbel(distance, ops.ratio(q.scale, p.scale), change)


@register_kl(Weibull, Weibull)
def _weibull_weibull(q, p):
    # Minus the logarithm of a Weibull number is Gumbel, with loc -log(scale), scale 1 / k.
    distance = p.concentration * log_of_ratio(q.scale, p.scale)
    change = relative_change(q, p, "concentration")
    ratio = p.concentration / q.concentration
    return _gumbel(distance, ratio, change)
