"""Divergences of the Bernoulli and the continuous Bernoulli distribution."""

from kelbo import ops
from kelbo.distributions.bernoulli import Bernoulli
from kelbo.distributions.continuous_bernoulli import ContinuousBernoulli, log_normalizer
from kelbo.distributions.kl import register_kl


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(q, p):
    # By differences of log probabilities: exactly 0 for equal ones, and no large numbers cancel.
    one = ops.softplus(-p.logits) - ops.softplus(-q.logits)
    zero = ops.softplus(p.logits) - ops.softplus(q.logits)
    return _share(ops.sigmoid(q.logits), one) + _share(ops.sigmoid(-q.logits), zero)


def _share(probability, log_ratio):
    """Their product, and 0 where the probability is 0, whatever the ratio is."""
    never = ops.equal(probability, 0)
    return probability * ops.where(never, ops.zeros_like(log_ratio), log_ratio)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli_continuous_bernoulli(q, p):
    return (q.logits - p.logits) * q.mean() + log_normalizer(p.logits) - log_normalizer(q.logits)
