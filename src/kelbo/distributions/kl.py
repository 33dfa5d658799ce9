"""Kullback-Leibler divergences that have a closed form, in one registry."""

from collections.abc import Callable
from typing import Any

from kelbo import ops
from kelbo.distributions.bernoulli import Bernoulli
from kelbo.distributions.continuous_bernoulli import ContinuousBernoulli, log_normalizer
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.independent import Independent
from kelbo.distributions.multivariate_normal import MultivariateNormalTriL
from kelbo.distributions.normal import Normal

_Formula = Callable[[Any, Any], Any]
# A family is a class, or (Independent, class) for independent copies of that class.
Family = type | tuple[type, type]
_FORMULAS: dict[tuple[Family, Family], _Formula] = {}


def register_kl(q_family: Family, p_family: Family) -> Callable[[_Formula], _Formula]:
    """Registers a function of (q, p) as the divergence between two families.

    Args:
        q_family: Class of the first distribution (its subclasses are served too), or
            `(Independent, C)` for independent copies of the class C.
        p_family: The same of the second.

    Returns:
        A decorator. The function gets distributions of one dtype and of the same event shape.

    Raises:
        ValueError: The pair is registered already.
    """

    def register(formula: _Formula) -> _Formula:
        if (q_family, p_family) in _FORMULAS:
            raise ValueError(f"The divergence of {q_family} from {p_family} is registered already.")
        _FORMULAS[q_family, p_family] = formula
        return formula

    return register


def has_kl(q: Distribution, p: Distribution) -> bool:
    """Whether `kl_divergence(q, p)` has a closed form here.

    Args:
        q: The distribution that the expectation is under.
        p: The other one.

    Returns:
        False too where their event shapes differ.

    Example:
        >>> from kelbo.distributions import Bernoulli, Normal, has_kl
        >>> has_kl(Normal(0.0, 1.0), Bernoulli(probs=0.5))
        False
    """
    return q.event_shape == p.event_shape and _find(_plain(q), _plain(p)) is not None


def comparable(q: Distribution, p: Distribution) -> tuple[Distribution, Distribution]:
    """Two distributions over the same values, in the wider of their dtypes.

    Args:
        q: A distribution.
        p: Another one.

    Returns:
        The two, in float64 if either was.

    Raises:
        ValueError: Their event shapes differ.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"{_describe(q)} is over values of shape {q.event_shape} but {_describe(p)} is over "
            f"values of shape {p.event_shape}: a divergence needs the same event shape. "
            "Independent(distribution, rank) turns batch axes into event axes."
        )
    dtype = max(q.dtype, p.dtype)
    return q.astype(dtype), p.astype(dtype)


def kl_divergence(q: Distribution, p: Distribution) -> Any:
    r"""Kullback-Leibler divergence in nats, by its closed form.

    $$\mathrm{KL}(q \Vert p) = \mathbb{E}_{q(x)}\left[\log q(x) - \log p(x)\right]$$

    Args:
        q: The distribution that the expectation is under.
        p: The other one. Batches broadcast.

    Returns:
        A tensor of the broadcast batch shape.

    Raises:
        ValueError: The event shapes differ.
        NotImplementedError: No closed form is known for the pair.

    Example:
        >>> from kelbo.distributions import Normal, kl_divergence
        >>> float(kl_divergence(Normal(1.0, 1.0), Normal(0.0, 1.0)))
        0.5
    """
    q, p = comparable(q, p)
    formula = _find(_plain(q), _plain(p))
    if formula is None:
        raise NotImplementedError(
            f"KL({_describe(q)} || {_describe(p)}) has no closed form here. Estimate it from "
            'samples: ELBO(kl="monte_carlo") in a model, or '
            "divergences.MonteCarloKL(samples=...) by itself."
        )
    return formula(_plain(q), _plain(p))


def _plain(distribution):
    """The distribution inside an Independent without event axes of its own."""
    while isinstance(distribution, Independent) and not distribution.reinterpreted_batch_rank:
        distribution = distribution.distribution
    return distribution


def _find(q, p):
    for q_family in _families(q):
        for p_family in _families(p):
            if (q_family, p_family) in _FORMULAS:
                return _FORMULAS[q_family, p_family]
    if isinstance(q, Independent) and isinstance(p, Independent):
        same_rank = q.reinterpreted_batch_rank == p.reinterpreted_batch_rank
        return _independent if same_rank and has_kl(q.distribution, p.distribution) else None
    return None


def _families(distribution):
    if isinstance(distribution, Independent):
        return [(Independent, inner) for inner in type(distribution.distribution).__mro__]
    return type(distribution).__mro__


def _independent(q, p):
    return q.sum_over_event(kl_divergence(q.distribution, p.distribution))


def _describe(distribution):
    name = type(distribution).__name__
    if isinstance(distribution, Independent):
        return f"{name}[{_describe(distribution.distribution)}]"
    return name


@register_kl(Normal, Normal)
def _normal_normal(q, p):
    ratio = ops.square(q.scale / p.scale)
    distance = ops.square((q.loc - p.loc) / p.scale)
    return 0.5 * (ratio + distance - 1.0 - ops.log(ratio))


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
