"""Divergences of the distributions that rest on the gamma function, and of the von Mises."""

from kelbo import ops
from kelbo.distributions.continuous.beta import Beta
from kelbo.distributions.continuous.exponential import Exponential
from kelbo.distributions.continuous.gamma import Gamma
from kelbo.distributions.continuous.inverse_gamma import InverseGamma
from kelbo.distributions.continuous.weibull import Weibull
from kelbo.distributions.directions.von_mises import VonMises
from kelbo.distributions.kl.parameter_changes import relative_change
from kelbo.distributions.kl.registry import register_kl
from kelbo.distributions.vectors.dirichlet import Dirichlet
from kelbo.ops.special.bessel_orders import ratio_slope
from kelbo.ops.special.bregman import bregman, excess, expm1_minus
from kelbo.ops.special.gamma_density import (
    beta_divergence_rest,
    gamma_divergence_rest,
    log_gamma_divergence_from_one,
    log_gamma_of_two_plus,
)
from kelbo.ops.special.von_mises import circular_variance, log_normalizer


def _gamma(a, b, rate_change):
    """The divergence of Gamma distributions of the concentrations a and b.

    The rate of the second one is that of the first, times 1 + `rate_change`.
    """
    ratio = (a / b) * (1.0 + rate_change)
    # The same less 1, from the differences where they are small.
    small = ops.abs(rate_change) < 0.5
    by_differences = ((a - b) / b) * (1.0 + rate_change) + rate_change
    change = ops.where(small, by_differences, ratio - 1.0)
    return gamma_divergence_rest(a, b) + b * excess(change, ratio)


@register_kl(Gamma, Gamma)
def _gamma_gamma(q, p):
    return _gamma(q.concentration, p.concentration, relative_change(q, p, "rate"))


@register_kl(Gamma, Exponential)
def _gamma_exponential(q, p):
    return _gamma(q.concentration, ops.ones_like(p.rate), relative_change(q, p, "rate"))


@register_kl(Exponential, Gamma)
def _exponential_gamma(q, p):
    return _gamma(ops.ones_like(q.rate), p.concentration, relative_change(q, p, "rate"))


@register_kl(InverseGamma, InverseGamma)
def _inverse_gamma_inverse_gamma(q, p):
    # Of the inverses: a bijector of both changes nothing.
    return _gamma(q.concentration, p.concentration, relative_change(q, p, "scale"))


def _dirichlet(a, b):
    """The divergence of Dirichlet(a) from Dirichlet(b), where the last axis lists the classes."""
    # The large parts together are the divergence of the mean of p from that of q, as a sum of terms
    # that are not negative.
    change = b - a
    whole, other_whole, whole_change = (ops.sum(x, axis=-1, keepdims=True) for x in (a, b, change))
    share, small = a / whole, ops.abs(whole_change) < 0.5 * whole
    # Where the ratio of the means is large, by its parts: its own slope may overflow.
    large = share * other_whole > 1e6 * b
    logs = ops.log(share) + ops.log(other_whole) - ops.log(b)
    by_parts = (share * other_whole - b) - b * logs
    divisor = ops.where(large, ops.ones_like(b), b)
    ratio = ops.where(large, 1.0, share * (other_whole / divisor))
    by_differences = whole_change / whole - (change / divisor) * (other_whole / whole)
    difference = ops.where(small, by_differences, ratio - 1.0)
    difference = ops.where(large, 0.0, difference)
    means = ops.sum(ops.where(large, by_parts, b * excess(difference, ratio)), axis=-1)
    # The rest is a sum over Beta distributions: of each entry beside the sum of those after it.
    left, other_left, left_change = (_sum_after(x) for x in (a, b, change))
    rests = beta_divergence_rest(
        (a[..., :-1], left), (b[..., :-1], other_left), (change[..., :-1], left_change)
    )
    return means + ops.sum(rests, axis=-1)


def _sum_after(x):
    return ops.flip(ops.cumsum(ops.flip(x[..., 1:], axis=-1), axis=-1), axis=-1)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(q, p):
    return _dirichlet(q.concentration, p.concentration)


@register_kl(Beta, Beta)
def _beta_beta(q, p):
    def both(d):
        pair = [d._broadcast(c) for c in (d.concentration1, d.concentration0)]
        return ops.stack(pair, axis=-1)

    return _dirichlet(both(q), both(p))


@register_kl(VonMises, VonMises)
def _von_mises_von_mises(q, p):
    # log(I0(kp) / I0(kq)) + A (kq - kp cos d), with the mean length A = 1 - v of q: the divergence
    # of the two concentrations, and that of the turn.
    k, other = q.concentration, p.concentration
    v = circular_variance(k)
    turned = 2.0 * ops.square(ops.sin(0.5 * (q.loc - p.loc)))
    lengths = bregman(
        lambda x, step: step * (step * ratio_slope(x, 0.0)),
        k,
        other,
        near=ops.abs(other - k) <= ops.maximum(0.5 * ops.maximum(k, other), 2.0),
        far=log_normalizer(other) - log_normalizer(k) + (other - k) * v,
    )
    return lengths + other * (1.0 - v) * turned


@register_kl(Weibull, Gamma)
def _weibull_gamma(q, p):
    # The mean of x is scale Γ(1 + c) with c = 1 / k, that of log x is log(scale) - γ c.
    k, a = q.concentration, p.concentration
    c, change = 1.0 / k, (1.0 - k) / k
    log_c = -ops.log(k)
    # Of the two means: exact where the concentrations are near 1 and the rate undoes the scale.
    scales = p.rate * q.scale
    log_scales = ops.where(
        ops.abs(scales - 1.0) < 0.5, ops.log1p(scales - 1.0), ops.log(p.rate) + ops.log(q.scale)
    )
    log_means = log_scales + log_gamma_of_two_plus(change) - ops.log(a)
    of_one = gamma_divergence_rest(ops.ones_like(a), a)
    shapes = a * log_gamma_divergence_from_one(c, change) + (a - 1.0) * log_c
    return a * expm1_minus(log_means) + of_one + shapes
