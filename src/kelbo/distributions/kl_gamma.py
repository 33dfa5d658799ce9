"""Divergences of the distributions that rest on the gamma function, and of the von Mises."""

import numpy as np

from kelbo import ops
from kelbo.distributions.beta import Beta
from kelbo.distributions.dirichlet import Dirichlet
from kelbo.distributions.exponential import Exponential
from kelbo.distributions.gamma import Gamma
from kelbo.distributions.gamma_functions import (
    beta_divergence_rest,
    gamma_divergence_rest,
    log_gamma_divergence_from_one,
)
from kelbo.distributions.inverse_gamma import InverseGamma
from kelbo.distributions.kl import register_kl
from kelbo.distributions.kumaraswamy import Kumaraswamy
from kelbo.distributions.ratios import relative_change
from kelbo.distributions.von_mises import VonMises
from kelbo.distributions.von_mises_functions import circular_variance, log_normalizer
from kelbo.distributions.weibull import Weibull
from kelbo.ops.bessel_orders import ratio_slope
from kelbo.ops.bregman import bregman, excess

_EULER_GAMMA = float(np.euler_gamma)


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
    ratio = (a / whole) * (other_whole / b)
    small = ops.abs(whole_change) < 0.5 * whole
    by_differences = whole_change / whole - (change / b) * (other_whole / whole)
    difference = ops.where(small, by_differences, ratio - 1.0)
    means = ops.sum(b * excess(difference, ratio), axis=-1)
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
    c = 1.0 / k
    log_c = -ops.log(k)
    ratio = p.rate * q.scale * ops.exp(ops.lgamma(1.0 + c)) / a
    of_one = gamma_divergence_rest(ops.ones_like(a), a)
    shapes = a * log_gamma_divergence_from_one(c, (1.0 - k) / k) + (a - 1.0) * log_c
    return a * excess(ratio - 1.0, ratio) + of_one + shapes


@register_kl(Kumaraswamy, Beta)
def _kumaraswamy_beta(q, p):
    # E. Nalisnick and P. Smyth, 2017, "Stick-breaking variational autoencoders", eq. 10, but for
    # the mean of log(1 - x): their series for it converges slowly.
    mean_log = -(_EULER_GAMMA + ops.digamma(q.concentration0 + 1.0)) / q.concentration1
    one, zero = p.concentration1 - 1.0, p.concentration0 - 1.0
    cross = ops.betaln(p.concentration1, p.concentration0) - one * mean_log
    return cross - zero * _mean_log_complement(q) - q.entropy()


# Double-exponential quadrature (H. Takahasi and M. Mori, 1974) over the probability u, which is
# sigmoid(pi sinh t): it takes singular ends as they come.
_STEPS = np.arange(-64, 65) / 16.0
_LOG_ODDS = np.pi * np.sinh(_STEPS)
_WEIGHTS = np.pi * np.cosh(_STEPS) / 16.0 / (2.0 + 2.0 * np.cosh(_LOG_ODDS))


def _mean_log_complement(q):
    """The mean of log(1 - x) for a Kumaraswamy x."""
    log_odds, weights = (ops.convert_to_tensor(x, dtype=q.dtype) for x in (_LOG_ODDS, _WEIGHTS))
    a, b = (q._broadcast(c)[..., None] for c in (q.concentration1, q.concentration0))
    log_rest = -ops.softplus(log_odds) / b  # of 1 - x^a, which is a (1 - x) where it is small
    far = log_rest < (-15.0 if q.dtype == "float32" else -36.0)
    safe = ops.where(far, -ops.ones_like(log_rest), log_rest)
    log_complement = ops.log1mexp(ops.log1mexp(safe) / a)
    return ops.sum(weights * ops.where(far, log_rest - ops.log(a), log_complement), axis=-1)
