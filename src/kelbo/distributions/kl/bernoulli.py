"""Divergences of the Bernoulli and the continuous Bernoulli distribution."""

from kelbo import ops
from kelbo.distributions.continuous.continuous_bernoulli import (
    ContinuousBernoulli,
    log_normalizer,
    mean_of_logits,
    variance_of_logits,
)
from kelbo.distributions.discrete.bernoulli import Bernoulli
from kelbo.distributions.kl.registry import register_kl
from kelbo.ops.special.bregman import bregman


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(q, p):
    return q._odds.divergence(p._odds)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli_continuous_bernoulli(q, p):
    # Of the mirror images where the logits of q are positive: no large numbers cancel.
    mirrored = q.logits > 0
    a, b = (ops.where(mirrored, -d.logits, d.logits) for d in (q, p))
    return bregman(
        lambda x, step: step * (step * variance_of_logits(x)),
        a,
        b,
        near=ops.abs(b - a) <= ops.maximum(0.5 * ops.maximum(-a, -b), 2.0),
        far=(a - b) * mean_of_logits(a) + log_normalizer(b) - log_normalizer(a),
    )
