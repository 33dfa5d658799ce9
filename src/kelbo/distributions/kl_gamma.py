"""Divergences of the distributions that rest on the gamma function, and of the von Mises."""

import numpy as np

from kelbo import ops
from kelbo.distributions.beta import Beta
from kelbo.distributions.dirichlet import Dirichlet
from kelbo.distributions.exponential import Exponential
from kelbo.distributions.gamma import Gamma
from kelbo.distributions.gamma_functions import log_minus_digamma, stirling_rest
from kelbo.distributions.inverse_gamma import InverseGamma
from kelbo.distributions.kl import register_kl
from kelbo.distributions.kumaraswamy import Kumaraswamy
from kelbo.distributions.von_mises import VonMises
from kelbo.distributions.von_mises_functions import circular_variance, log_normalizer
from kelbo.distributions.weibull import Weibull
from kelbo.ops.series import log_ratio_minus

_EULER_GAMMA = float(np.euler_gamma)


def _excess(ratio, difference):
    """The function t - 1 - log t >= 0 of a ratio t, given t - 1 as well."""
    return -log_ratio_minus(ratio, difference)


def _log_gammas(a, b):
    r"""What is left of $\log \Gamma(b) - \log \Gamma(a) + (a - b) \psi(a)$ by Stirling's formula.

    Without the large part of it, $b \log(b / a) + a - b$.
    """
    rests = stirling_rest(b) - stirling_rest(a)
    return rests + (b - a) * log_minus_digamma(a) - 0.5 * ops.log(b / a)


def _gamma(a, rate, b, other_rate):
    """The divergence of Gamma(a, rate) from Gamma(b, other_rate)."""
    mean, other_mean = a * other_rate, b * rate  # both times the two rates
    difference = (mean - other_mean) / other_mean
    return _log_gammas(a, b) + b * _excess(mean / other_mean, difference)


@register_kl(Gamma, Gamma)
def _gamma_gamma(q, p):
    return _gamma(q.concentration, q.rate, p.concentration, p.rate)


@register_kl(Gamma, Exponential)
def _gamma_exponential(q, p):
    return _gamma(q.concentration, q.rate, ops.ones_like(p.rate), p.rate)


@register_kl(Exponential, Gamma)
def _exponential_gamma(q, p):
    return _gamma(ops.ones_like(q.rate), q.rate, p.concentration, p.rate)


@register_kl(InverseGamma, InverseGamma)
def _inverse_gamma_inverse_gamma(q, p):
    # Of the inverses: a bijector of both changes nothing.
    return _gamma(q.concentration, q.scale, p.concentration, p.scale)


def _dirichlet(a, b):
    """The divergence of Dirichlet(a) from Dirichlet(b)."""
    whole, other_whole = ops.sum(a, axis=-1), ops.sum(b, axis=-1)
    # The large parts together are the divergence of the mean of p from that of q, as a sum of terms
    # that are not negative.
    ratio = (a / whole[..., None]) * (other_whole[..., None] / b)
    means = b * _excess(ratio, ratio - 1.0)
    return ops.sum(_log_gammas(a, b) + means, axis=-1) - _log_gammas(whole, other_whole)


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
    # log(I0(kp) / I0(kq)) + A (kq - kp cos d), with the mean length A = 1 - v of q.
    v = circular_variance(q.concentration)
    turned = 2.0 * ops.square(ops.sin(0.5 * (q.loc - p.loc)))
    normalizers = log_normalizer(p.concentration) - log_normalizer(q.concentration)
    spread = (p.concentration - q.concentration) * v
    return normalizers + spread + p.concentration * (1.0 - v) * turned


@register_kl(Weibull, Gamma)
def _weibull_gamma(q, p):
    # The mean of x is scale Γ(1 + 1 / k), that of log x is log(scale) - γ / k.
    k, a = q.concentration, p.concentration
    log_gamma = ops.lgamma(1.0 + 1.0 / k)
    ratio = p.rate * q.scale * ops.exp(log_gamma) / a
    rest = stirling_rest(a) - 0.5 * ops.log(a) + ops.log(k) - _EULER_GAMMA - 1.0
    return rest + a * (_EULER_GAMMA / k + log_gamma + _excess(ratio, ratio - 1.0))


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
