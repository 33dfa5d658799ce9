"""Divergences of transformed distributions."""

from kelbo import ops
from kelbo.bijectors.equality import is_same_map
from kelbo.distributions.combinators.transformed import Transformed
from kelbo.distributions.kl.registry import has_kl, kl_divergence, register_kl_rule


@register_kl_rule
def _transformed_rule(q, p):
    if not (isinstance(q, Transformed) and isinstance(p, Transformed)):
        return None
    if not has_kl(q.distribution, p.distribution):
        return None
    dtype = max(q.dtype, p.dtype)
    is_same = is_same_map(q.bijector.astype(dtype), p.bijector.astype(dtype))
    return _transformed if is_same else None


def _transformed(q, p):
    """That of the distributions inside: the log-determinants of one map cancel."""
    inner = kl_divergence(q.distribution, p.distribution)
    # One map inside each of a batch of maps: the divergence is that of each of them.
    q_batch, p_batch = q._shape_of_sample(()), p._shape_of_sample(())
    rank = len(q.event_shape)
    batches = [ops.zeros(shape[: len(shape) - rank], inner.dtype) for shape in (q_batch, p_batch)]
    return inner + sum(batches)
