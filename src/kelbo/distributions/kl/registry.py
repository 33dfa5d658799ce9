"""The registry of Kullback-Leibler divergences that have a closed form.

The formulas are in the modules `kl_*`, by family.
"""

from collections.abc import Callable
from typing import Any

from kelbo.distributions.combinators.independent import Independent
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import broadcast_shapes
from kelbo.typing import Tensor

_Formula = Callable[[Any, Any], Any]
# A family is a class, or (Independent, class) for independent copies of that class.
Family = type | tuple[type, type]
_FORMULAS: dict[tuple[Family, Family], _Formula] = {}
_Rule = Callable[[Distribution, Distribution], _Formula | None]
_RULES: list[_Rule] = []


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


def register_kl_rule(rule: _Rule) -> _Rule:
    """Registers the divergences between distributions that are made of others.

    Rules are asked after the formulas of `register_kl`, in the order of their registration.

    Args:
        rule: A function of (q, p), of the same event shape, that returns a formula for the pair, or
            None where it has none: it looks at the distributions inside, with `has_kl`.

    Returns:
        The rule.
    """
    _RULES.append(rule)
    return rule


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
        ValueError: Their event shapes differ, or their batch shapes do not broadcast.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"{_describe(q)} is over values of shape {q.event_shape} but {_describe(p)} is over "
            f"values of shape {p.event_shape}: a divergence needs the same event shape. "
            "Independent(distribution, rank) turns batch axes into event axes."
        )
    try:
        broadcast_shapes(q.batch_shape, p.batch_shape)
    except ValueError:
        raise ValueError(
            f"The batch shape {q.batch_shape} of {_describe(q)} does not broadcast against "
            f"{p.batch_shape}, that of {_describe(p)}: a divergence needs batches that do."
        ) from None
    dtype = max(q.dtype, p.dtype)
    return q.astype(dtype), p.astype(dtype)


def kl_divergence(q: Distribution, p: Distribution) -> Tensor:
    r"""Kullback-Leibler divergence in nats, by its closed form.

    $$\mathrm{KL}(q \Vert p) = \mathbb{E}_{q(x)}\left[\log q(x) - \log p(x)\right]$$

    Args:
        q: The distribution that the expectation is under.
        p: The other one. Batches broadcast.

    Returns:
        A tensor of the broadcast batch shape.

    Raises:
        ValueError: The event shapes differ, or the batch shapes do not broadcast.
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
    formulas = (rule(q, p) for rule in _RULES)
    return next((formula for formula in formulas if formula is not None), None)


def _families(distribution):
    if isinstance(distribution, Independent):
        return [(Independent, inner) for inner in type(distribution.distribution).__mro__]
    return type(distribution).__mro__


def _describe(distribution):
    name, inner = type(distribution).__name__, getattr(distribution, "distribution", None)
    return name if inner is None else f"{name}[{_describe(inner)}]"
