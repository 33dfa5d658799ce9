"""Divergences of distributions that are made of others."""

from kelbo.distributions.combinators.expanded import Expanded
from kelbo.distributions.combinators.independent import Independent
from kelbo.distributions.combinators.masked import Masked
from kelbo.distributions.kl.registry import has_kl, kl_divergence, register_kl_rule

# Of these the divergence is that of what is inside, but for its batch.
_SAME_EVENT = (Masked, Expanded)


@register_kl_rule
def _independent_rule(q, p):
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    same_rank = q.reinterpreted_batch_rank == p.reinterpreted_batch_rank
    return _independent if same_rank and has_kl(q.distribution, p.distribution) else None


def _independent(q, p):
    return q.of_batch(kl_divergence(q.distribution, p.distribution))


@register_kl_rule
def _wrapped_rule(q, p):
    inner = _inside(q), _inside(p)
    return _wrapped if inner != (q, p) and has_kl(*inner) else None


def _wrapped(q, p):
    kl = kl_divergence(_inside(q), _inside(p))
    for distribution in (q, p):
        if isinstance(distribution, _SAME_EVENT):
            kl = distribution.of_batch(kl)
    return kl


def _inside(distribution):
    return distribution.distribution if isinstance(distribution, _SAME_EVENT) else distribution
