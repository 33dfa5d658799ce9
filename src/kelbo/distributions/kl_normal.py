"""Divergences of normal distributions, of numbers and of vectors."""

from kelbo import ops
from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import kl_divergence, register_kl
from kelbo.distributions.multivariate_normal import MultivariateNormalTriL
from kelbo.distributions.normal import Normal


@register_kl(Normal, Normal)
def _normal_normal(q, p):
    ratio = ops.square(q.scale / p.scale)
    distance = ops.square((q.loc - p.loc) / p.scale)
    return 0.5 * (ratio + distance - 1.0 - ops.log(ratio))


@register_kl(MultivariateNormalTriL, MultivariateNormalTriL)
def _multivariate_normal_multivariate_normal(q, p):
    spread = ops.solve_triangular(p.scale_tril, q.scale_tril)
    shift = ops.solve_triangular(p.scale_tril, (q.loc - p.loc)[..., None])
    trace = ops.sum(ops.square(spread), axis=(-2, -1))
    distance = ops.sum(ops.square(shift), axis=(-2, -1))
    log_ratio = p._half_log_det() - q._half_log_det()
    return 0.5 * (trace + distance - q.event_shape[0]) + log_ratio


@register_kl(MultivariateNormalTriL, (Independent, Normal))
def _multivariate_normal_independent(q, p):
    loc, scale = p.mean(), p.stddev()
    trace = ops.sum(ops.square(q.scale_tril / scale[..., None]), axis=(-2, -1))
    distance = ops.sum(ops.square((q.loc - loc) / scale), axis=-1)
    log_ratio = ops.sum(ops.log(scale), axis=-1) - q._half_log_det()
    return 0.5 * (trace + distance - q.event_shape[0]) + log_ratio


@register_kl((Independent, Normal), MultivariateNormalTriL)
def _independent_multivariate_normal(q, p):
    scale = q.stddev()
    diagonal = scale[..., None] * ops.eye(p.event_shape[0], dtype=p.dtype)
    return kl_divergence(MultivariateNormalTriL(q.mean(), diagonal, validate=False), p)
