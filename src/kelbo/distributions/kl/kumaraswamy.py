"""The divergence of a Kumaraswamy distribution from a Beta."""

import numpy as np

from kelbo import ops
from kelbo.distributions.continuous.beta import Beta
from kelbo.distributions.continuous.kumaraswamy import Kumaraswamy
from kelbo.distributions.kl.registry import register_kl
from kelbo.ops.series import kind
from kelbo.ops.special.bregman import expm1_minus

_EULER_GAMMA = float(np.euler_gamma)
# Below so much, in nats, the definition has lost a digit: there the two densities are compared.
_CLOSE = 0.1

# Double-exponential quadrature (H. Takahasi and M. Mori, 1974) over the probability u, which is
# sigmoid(pi sinh t): it takes singular ends as they come.
_STEPS = np.arange(-64, 65) / 16.0
_LOG_ODDS = np.pi * np.sinh(_STEPS)
_WEIGHTS = np.pi * np.cosh(_STEPS) / 16.0 / (2.0 + 2.0 * np.cosh(_LOG_ODDS))
# Nearer than this to an end, in nats, a function has no digits beside its leading term.
_AT_END = {"float32": 15.0, "float64": 36.0}


@register_kl(Kumaraswamy, Beta)
def _kumaraswamy_beta(q, p):
    a, b = (q._broadcast(c)[..., None] for c in (q.concentration1, q.concentration0))
    log_x, log_rest, log_complement, weights = _nodes(a, b)
    # E. Nalisnick and P. Smyth, 2017, "Stick-breaking variational autoencoders", eq. 10, but for
    # the mean of log(1 - x): their series for it converges slowly.
    mean_log = -(_EULER_GAMMA + ops.digamma(q.concentration0 + 1.0)) / q.concentration1
    mean_log_complement = ops.sum(weights * log_complement, axis=-1)
    one, zero = p.concentration1 - 1.0, p.concentration0 - 1.0
    cross = ops.betaln(p.concentration1, p.concentration0) - one * mean_log
    apart = cross - zero * mean_log_complement - q.entropy()

    # Of close pairs: with s the logarithm of the ratio of the densities, up to a constant, the
    # divergence is that of Jensen's inequality, log E[exp(s - E[s])]. Nothing of it is negative.
    near = apart < _CLOSE
    to_one = p.concentration1[..., None] - a
    to_zero = p.concentration0[..., None] - b
    tilt = to_one * log_x + to_zero * log_complement
    tilt = tilt + (b - 1.0) * _log_share_of_complements(a, log_x, log_rest, log_complement)
    tilt = ops.where(near[..., None], tilt, 0.0)
    centered = tilt - ops.sum(weights * tilt, axis=-1, keepdims=True)
    close = ops.log1p(ops.sum(weights * expm1_minus(centered), axis=-1))
    return ops.where(near, close, apart)


def _nodes(a, b):
    """The logarithms of x, 1 - x^a and 1 - x at the nodes of the rule, and its weights."""
    dtype, end = a.dtype, _AT_END[kind(a)]
    log_odds, weights = (ops.convert_to_tensor(x, dtype=dtype) for x in (_LOG_ODDS, _WEIGHTS))
    log_rest = -ops.softplus(log_odds) / b
    # Next to 1, where 1 - x^a is a (1 - x); and next to 0, where it is 1 less the odds' b-th part.
    high, power = log_rest < -end, log_odds - ops.log(b)
    low = ops.logical_and(power < -end, log_odds < -end)
    inner = ops.where(ops.logical_or(high, low), -1.0, log_rest)
    log_power = ops.where(low, power, ops.where(high, -ops.exp(log_rest), ops.log1mexp(inner)))
    log_x = log_power / a
    log_complement = ops.log1mexp(ops.where(high, -1.0, log_x))
    return log_x, log_rest, ops.where(high, log_rest - ops.log(a), log_complement), weights


def _log_share_of_complements(a, log_x, log_rest, log_complement):
    """The logarithm of (1 - x) / (1 - x^a), exact where a is near 1."""
    near = ops.abs(a - 1.0) < 0.5
    far = log_complement - log_rest
    a = ops.where(near, a, 1.0)
    # (1 - x^a) / (1 - x) is 1 + (x - x^a) / (1 - x): by the larger of the two powers, x or x^a; and
    # next to x = 1, where a logarithm of x may be 0, it is a.
    end = log_complement < -_AT_END[kind(a)]
    log_x, log_complement_inside = ops.where(end, -1.0, log_x), ops.where(end, 0.0, log_complement)
    by_x = -ops.expm1((a - 1.0) * log_x) * ops.exp(log_x - log_complement_inside)
    by_power = ops.expm1((1.0 - a) * log_x) * ops.exp(a * log_x - log_complement_inside)
    share = ops.where(end, a - 1.0, ops.where(a > 1.0, by_x, by_power))
    return ops.where(near, -ops.log1p(share), far)
