"""Divergences of normal distributions, of numbers and of vectors."""

from kelbo.distributions.combinators.independent import Independent
from kelbo.distributions.continuous.normal import Normal
from kelbo.distributions.kl.registry import register_kl
from kelbo.distributions.vectors.multivariate_normal import MultivariateNormal
from kelbo.distributions.vectors.multivariate_normal_diag import MultivariateNormalDiag
from kelbo.ops.special.normal_divergence import normal_divergence


@register_kl(Normal, Normal)
def _normal_normal(q, p):
    return normal_divergence(q.loc - p.loc, q.scale, p.scale)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal_multivariate_normal(q, p):
    distance = p.factor.squared_distance(q.loc - p.loc)
    return 0.5 * distance + p.factor.divergence(q.factor)


@register_kl(MultivariateNormal, (Independent, Normal))
def _multivariate_normal_independent(q, p):
    return _multivariate_normal_multivariate_normal(q, _as_vectors(p))


@register_kl((Independent, Normal), MultivariateNormal)
def _independent_multivariate_normal(q, p):
    return _multivariate_normal_multivariate_normal(_as_vectors(q), p)


def _as_vectors(independent):
    return MultivariateNormalDiag(independent.mean(), independent.stddev(), validate=False)
