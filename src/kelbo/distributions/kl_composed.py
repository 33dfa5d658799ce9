"""Divergences of distributions that are made of others."""

from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import has_kl, kl_divergence, register_kl_rule


@register_kl_rule
def _independent_rule(q, p):
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    same_rank = q.reinterpreted_batch_rank == p.reinterpreted_batch_rank
    return _independent if same_rank and has_kl(q.distribution, p.distribution) else None


def _independent(q, p):
    return q.sum_over_event(kl_divergence(q.distribution, p.distribution))
