"""Divergences of the discrete families, and of a point mass from anything."""

import math
from typing import Any

from kelbo import ops
from kelbo.distributions.combinators.independent import Independent
from kelbo.distributions.discrete.binomial import Binomial
from kelbo.distributions.discrete.categorical import Categorical
from kelbo.distributions.discrete.delta import Delta
from kelbo.distributions.discrete.geometric import Geometric
from kelbo.distributions.discrete.negative_binomial import NegativeBinomial
from kelbo.distributions.discrete.one_hot_categorical import OneHotCategorical
from kelbo.distributions.discrete.poisson import Poisson
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.kl.parameter_changes import log_of_ratio
from kelbo.distributions.kl.registry import register_kl
from kelbo.ops.special.bregman import mass_excess
from kelbo.typing import Tensor


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
    never = ops.equal(q.probs, 0)
    unexpected = ops.equal(p.probs, 0) if not p._by_logits else ops.equal(p.logits, -math.inf)
    surprise = ops.any(ops.logical_and(never, p.probs > 0), axis=-1, keepdims=True)
    ratio = _log_ratio(q, p, ops.logical_or(never, unexpected), surprise)
    masses = mass_excess(q.probs, p.probs, ratio)
    divergence = ops.sum(ops.where(unexpected, 0.0, masses), axis=-1)
    impossible = ops.any(ops.logical_and(unexpected, ops.logical_not(never)), axis=-1)
    return ops.where(impossible, float("inf"), divergence)


def _log_ratio(q, p, ignored, surprise):
    """The logarithms of the probabilities of p over those of q, exact where the two are close.

    `surprise` says where p has classes that q has not.
    """
    if q._by_logits or p._by_logits:
        log_q, log_p = (ops.where(ignored, 0.0, d.logits) for d in (q, p))
        ratio = log_p - log_q
    else:
        ratio = log_of_ratio(*(ops.where(ignored, 1.0, d.probs) for d in (q, p)))
    # Up to a constant: the mean is taken off first, so that of the sum of exponentials the digits
    # are left that differ from 1.
    ratio = ratio - ops.sum(q.probs * ratio, axis=-1, keepdims=True)
    largest = ops.max(ops.abs(ratio), axis=-1, keepdims=True)
    near = ops.logical_and(largest < 1.0, ops.logical_not(surprise))
    growth = ops.sum(q.probs * ops.expm1(ops.where(near, ratio, 0.0)), axis=-1, keepdims=True)
    close = ratio - ops.log1p(growth)
    far = ops.where(ignored, 0.0, _log_probs(p)) - ops.where(ignored, 0.0, _log_probs(q))
    return ops.where(near, close, far)


@register_kl(Poisson, Poisson)
def _poisson_poisson(q, p):
    # r (e^t - 1 - t), t = log(s / r): without the difference of two large rates.
    never, impossible = ops.equal(q.rate, 0), ops.equal(p.rate, 0)
    if q._by_rate or p._by_rate:
        one = [ops.where(ops.equal(d.rate, 0), 1.0, d.rate) for d in (q, p)]
        ratio = log_of_ratio(*one)
    else:
        ratio = p.log_rate - q.log_rate
    divergence = mass_excess(q.rate, p.rate, ratio)
    unequal = ops.logical_and(impossible, ops.logical_not(never))
    return ops.where(unequal, float("inf"), divergence)


@register_kl(Geometric, Geometric)
def _geometric_geometric(q, p):
    # Every trial adds as much as one Bernoulli does, and there are 1 / probs of them.
    return q._odds.divergence_per_success(p._odds)


@register_kl(Binomial, Binomial)
def _binomial_binomial(q, p):
    _refuse_different_counts(q, p)
    return _where_counts_agree(q, p, q.total_count * q._odds.divergence(p._odds))


@register_kl(NegativeBinomial, NegativeBinomial)
def _negative_binomial_negative_binomial(q, p):
    _refuse_different_counts(q, p)
    # There are total_count failures.
    return _where_counts_agree(q, p, q.total_count * q._odds.divergence_per_failure(p._odds))


def _refuse_different_counts(q, p):
    are_equal = ops.all(ops.equal(q.total_count, p.total_count))
    if ops.is_concrete(are_equal) and not bool(are_equal):
        name = type(q).__name__
        raise NotImplementedError(
            f"KL({name} || {name}) has a closed form for equal total_count only. Estimate it from "
            "samples: divergences.MonteCarloKL(samples=...)."
        )


def _where_counts_agree(q, p, divergence: Any) -> Tensor:
    """NaN where they do not: compiled code cannot raise for a value."""
    agree = ops.equal(q.total_count, p.total_count)
    return ops.where(agree, divergence, float("nan"))


@register_kl(Delta, Distribution)
@register_kl((Independent, Delta), Distribution)
@register_kl((Independent, Delta), (Independent, Distribution))
def _delta_any(q, p):
    """The mass of the point is 1, and its logarithm 0: what is left is the other's density."""
    return -p.log_prob(q.mean())
