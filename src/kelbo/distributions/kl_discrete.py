"""Divergences of the discrete families, and of a point mass from anything."""

from typing import Any

from kelbo import ops
from kelbo.distributions.binomial import Binomial
from kelbo.distributions.categorical import Categorical
from kelbo.distributions.delta import Delta
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.geometric import Geometric
from kelbo.distributions.independent import Independent
from kelbo.distributions.kl import register_kl
from kelbo.distributions.negative_binomial import NegativeBinomial
from kelbo.distributions.one_hot_categorical import OneHotCategorical
from kelbo.distributions.poisson import Poisson


def _log_probs(categorical):
    if categorical._by_logits:
        return ops.log_softmax(categorical.logits, axis=-1)
    none = ops.equal(categorical.probs, 0)
    safe = ops.where(none, ops.ones_like(categorical.probs), categorical.probs)
    return ops.where(none, -float("inf"), ops.log(safe))


@register_kl(Categorical, Categorical)
@register_kl(OneHotCategorical, OneHotCategorical)
def _categorical_categorical(q, p):
    if q.logits.shape[-1] != p.logits.shape[-1]:
        raise ValueError(
            f"The divergence of a {type(q).__name__} of {q.logits.shape[-1]} classes from one of "
            f"{p.logits.shape[-1]} is not defined: give both the same number of classes."
        )
    # A class that q never has counts for nothing, whatever p says of it.
    log_q, log_p = _log_probs(q), _log_probs(p)
    never = ops.equal(q.probs, 0)
    unexpected = ops.equal(log_p, -float("inf"))
    ignored = ops.logical_or(never, unexpected)
    log_ratio = ops.where(ignored, 0.0, log_q) - ops.where(ignored, 0.0, log_p)
    divergence = ops.sum(q.probs * log_ratio, axis=-1)
    impossible = ops.any(ops.logical_and(unexpected, ops.logical_not(never)), axis=-1)
    return ops.where(impossible, float("inf"), divergence)


@register_kl(Poisson, Poisson)
def _poisson_poisson(q, p):
    # r (e^t - 1 - t), t = log(s / r): without the difference of two large rates.
    never = ops.equal(q.rate, 0)
    log_ratio = p.finite_log_rate() - q.finite_log_rate()
    divergence = q.rate * (ops.expm1(log_ratio) - log_ratio)
    impossible = ops.logical_and(ops.equal(p.rate, 0), q.rate > 0)
    divergence = ops.where(impossible, float("inf"), divergence)
    return ops.where(never, p.rate, divergence)


@register_kl(Geometric, Geometric)
def _geometric_geometric(q, p):
    # Every trial adds as much as one Bernoulli does, and there are 1 / probs of them.
    return q._odds.divergence(p._odds) / q.probs


@register_kl(Binomial, Binomial)
def _binomial_binomial(q, p):
    _refuse_different_counts(q, p)
    return _where_counts_agree(q, p, q.total_count * q._odds.divergence(p._odds))


@register_kl(NegativeBinomial, NegativeBinomial)
def _negative_binomial_negative_binomial(q, p):
    _refuse_different_counts(q, p)
    trials = q.total_count / q._odds.complement()
    return _where_counts_agree(q, p, trials * q._odds.divergence(p._odds))


def _refuse_different_counts(q, p):
    are_equal = ops.all(ops.equal(q.total_count, p.total_count))
    if ops.is_concrete(are_equal) and not bool(are_equal):
        name = type(q).__name__
        raise NotImplementedError(
            f"KL({name} || {name}) has a closed form for equal total_count only. Estimate it from "
            "samples: divergences.MonteCarloKL(samples=...)."
        )


def _where_counts_agree(q, p, divergence: Any) -> Any:
    """NaN where they do not: compiled code cannot raise for a value."""
    agree = ops.equal(q.total_count, p.total_count)
    return ops.where(agree, divergence, float("nan"))


@register_kl(Delta, Distribution)
@register_kl((Independent, Delta), Distribution)
@register_kl((Independent, Delta), (Independent, Distribution))
def _delta_any(q, p):
    """The mass of the point is 1, and its logarithm 0: what is left is the other's density."""
    return -p.log_prob(q.mean())
