"""Divergences of distributions that are made of others."""

from kelbo.distributions.expanded import Expanded
from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import has_kl, kl_divergence, register_kl_rule
from kelbo.distributions.masked import Masked


@register_kl_rule
def _independent_rule(q, p):
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    same_rank = q.reinterpreted_batch_rank == p.reinterpreted_batch_rank
    return _independent if same_rank and has_kl(q.distribution, p.distribution) else None


def _independent(q, p):
    return q.sum_over_event(kl_divergence(q.distribution, p.distribution))


@register_kl_rule
def _masked_rule(q, p):
    inner = _inside(q, Masked), _inside(p, Masked)
    return _masked if inner != (q, p) and has_kl(*inner) else None


def _masked(q, p):
    kl = kl_divergence(_inside(q, Masked), _inside(p, Masked))
    for distribution in (q, p):
        if isinstance(distribution, Masked):
            kl = distribution.keep(kl)
    return kl


@register_kl_rule
def _expanded_rule(q, p):
    inner = _inside(q, Expanded), _inside(p, Expanded)
    return _expanded if inner != (q, p) and has_kl(*inner) else None


def _expanded(q, p):
    kl = kl_divergence(_inside(q, Expanded), _inside(p, Expanded))
    for distribution in (q, p):
        if isinstance(distribution, Expanded):
            kl = distribution.expand(kl)
    return kl


def _inside(distribution, wrapper):
    return distribution.distribution if isinstance(distribution, wrapper) else distribution
