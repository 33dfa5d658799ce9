"""Divergences of normal distributions, of numbers and of vectors."""

from kelbo import ops
from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import register_kl
from kelbo.distributions.multivariate_normal import MultivariateNormal
from kelbo.distributions.multivariate_normal_diag import MultivariateNormalDiag
from kelbo.distributions.normal import Normal


@register_kl(Normal, Normal)
def _normal_normal(q, p):
    ratio = ops.ratio(q.scale, p.scale)
    distance = ops.square(ops.ratio(q.loc - p.loc, p.scale))
    # The square of the ratio may underflow: its logarithm is taken before.
    return 0.5 * (ops.square(ratio) + distance - 1.0) - ops.log(ratio)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal_multivariate_normal(q, p):
    trace = p.factor.trace_of_ratio(q.factor)
    distance = p.factor.squared_distance(q.loc - p.loc)
    log_ratio = p.factor.half_log_det() - q.factor.half_log_det()
    return 0.5 * (trace + distance - q.event_shape[0]) + log_ratio


@register_kl(MultivariateNormal, (Independent, Normal))
def _multivariate_normal_independent(q, p):
    return _multivariate_normal_multivariate_normal(q, _as_vectors(p))


@register_kl((Independent, Normal), MultivariateNormal)
def _independent_multivariate_normal(q, p):
    return _multivariate_normal_multivariate_normal(_as_vectors(q), p)


def _as_vectors(independent):
    return MultivariateNormalDiag(independent.mean(), independent.stddev(), validate=False)
