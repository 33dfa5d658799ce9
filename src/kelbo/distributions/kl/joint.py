"""Divergences of joint distributions, part by part."""

from collections.abc import Mapping, Sequence
from typing import Any

from kelbo.distributions.combinators.joint import Joint
from kelbo.distributions.kl.registry import has_kl, kl_divergence, register_kl_rule


def is_fixed(q: Joint, p: Joint, name: str) -> bool:
    """Whether a part has a divergence in closed form that depends on no other part.

    Args:
        q: The distribution that the expectation is under.
        p: The other one, of the same names.
        name: Of the part.

    Returns:
        The truth of it.
    """
    depends = q.parents(name) or p.parents(name)
    return not depends and has_kl(q.part(name), p.part(name))


def comes_after_parents(q: Joint, p: Joint, name: str) -> bool:
    """Whether all that a part of p depends on is drawn by q before that part.

    Then the divergence of the part, given its ancestors, is an expectation over this part alone.

    Args:
        q: The distribution that the expectation is under.
        p: The other one, of the same names.
        name: Of the part.

    Returns:
        The truth of it.
    """
    before = q.names[: q.names.index(name)]
    return all(parent in before for parent in p.parents(name))


def kl_by_part(
    q: Joint, p: Joint, values: Mapping[str, Any], names: Sequence[str] | None = None
) -> dict[str, Any]:
    r"""What each part adds to the divergence, at drawn ancestors.

    $\mathrm{KL}(q(z_k \mid z_{<k}) \Vert p(z_k \mid z_{<k}))$ by its closed form where there is one
    and p depends on nothing that q draws later; else $\log q(z_k \mid \cdot) - \log p(z_k \mid
    \cdot)$ at the draw itself. The expectation of their sum under q is $\mathrm{KL}(q \Vert p)$.

    Args:
        q: The distribution that the expectation is under.
        p: The other one, of the same names, in any order.
        values: A draw from q.
        names: Of the parts that are asked for; None for all.

    Returns:
        Tensors by name, in nats.

    Example:
        >>> from kelbo.distributions import Joint, Normal
        >>> from kelbo.distributions.kl.joint import kl_by_part
        >>> q = Joint({"a": Normal(1.0, 1.0), "b": lambda a: Normal(a, 1.0)})
        >>> p = Joint({"a": Normal(0.0, 1.0), "b": lambda a: Normal(2.0 * a, 1.0)})
        >>> {name: float(kl) for name, kl in kl_by_part(q, p, {"a": 3.0, "b": 0.0}).items()}
        {'a': 0.5, 'b': 4.5}
    """
    found = {}
    for name in q.names if names is None else names:
        q_part, p_part = q.part(name, values), p.part(name, values)
        if comes_after_parents(q, p, name) and has_kl(q_part, p_part):
            found[name] = kl_divergence(q_part, p_part)
        else:
            found[name] = q_part.log_prob(values[name]) - p_part.log_prob(values[name])
    return found


@register_kl_rule
def _joint_rule(q, p):
    if not (isinstance(q, Joint) and isinstance(p, Joint)):
        return None
    is_known = set(q.names) == set(p.names) and all(is_fixed(q, p, name) for name in q.names)
    return _joint if is_known else None


def _joint(q, p):
    return sum(kl_divergence(q.part(name), p.part(name)) for name in q.names)
