"""Divergences of posterior and prior, in closed form where there is one."""

from collections.abc import Mapping
from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution, Joint
from kelbo.distributions.kl import has_kl, kl_divergence
from kelbo.distributions.kl.joint import comes_after_parents, is_fixed, kl_by_part
from kelbo.latent.entries import by_dimension, inside
from kelbo.latent.parts import at_draws, pairs
from kelbo.latent.problem import LatentProblem
from kelbo.latent.terms.term import Term


class KL(Term):
    r"""$\mathrm{KL}(q(z \mid x) \Vert p(z))$ by its closed form, of shape (batch,).

    Of a latent value with parts: the sum over the parts that depend on no other part, in posterior
    and prior; the others are `KLAtDraws`.
    """

    name = "kl"

    @classmethod
    def depends_on_draws(cls, posterior: Distribution, prior: Distribution) -> bool:
        return False

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        for name, pair in pairs(owner, posterior, prior).items():
            is_whole = not isinstance(posterior, Joint)
            if has_kl(*pair) and (is_whole or comes_after_parents(posterior, prior, name)):
                return
        raise ValueError(
            f"{owner} needs the divergence from {posterior!r} to {prior!r} in closed form, "
            'and there is none: take it from samples, ELBO(kl="monte_carlo"), or a bound of '
            "importance weights, IWELBO(samples=5)."
        )

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        posterior, prior = problem.posterior, problem.prior
        if not isinstance(posterior, Joint):
            return kl_divergence(posterior, prior)
        fixed = [n for n in posterior.names if is_fixed(posterior, prior, n)]
        exact = [kl_divergence(posterior.part(name), prior.part(name)) for name in fixed]
        return sum(exact, ops.zeros((problem.batch_size,), posterior.dtype))


class KLAtDraws(Term):
    r"""Divergences of the parts that depend on other parts, of shape (samples, batch).

    $\mathrm{KL}(q(z_k \mid z_{<k}, x) \Vert p(z_k \mid z_{<k}))$ at the drawn ancestors, in closed
    form where a part has one and where its prior does not depend on what the posterior draws after
    it; $\log q(z_k \mid \cdot) - \log p(z_k \mid \cdot)$ otherwise. Its mean over the draws, with
    `KL`, is the divergence. It is part of the log weights, for it depends on the draws.
    """

    name = "kl_at_draws"
    of_samples = True

    @classmethod
    def is_needed(cls, posterior: Distribution, prior: Distribution) -> bool:
        return isinstance(posterior, Joint) and not all(
            is_fixed(posterior, prior, name) for name in posterior.names
        )

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        posterior, prior = problem.posterior, problem.prior
        moving = [n for n in posterior.names if not is_fixed(posterior, prior, n)]
        return sum(kl_by_part(posterior, prior, draws["latent"], moving).values())


class KLPerPart(Term):
    """The divergence of each part of the latent value, a dict of tensors of shape (batch,).

    Of a latent value without parts: the divergence. At the drawn ancestors, averaged over them.
    """

    name = "kl_per_part"

    @classmethod
    def depends_on_draws(cls, posterior: Distribution, prior: Distribution) -> bool:
        return KLAtDraws.is_needed(posterior, prior)

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        KL.check(owner, posterior, prior)

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        posterior, prior = problem.posterior, problem.prior
        if not isinstance(posterior, Joint):
            return kl_divergence(posterior, prior)
        each = kl_by_part(posterior, prior, draws["latent"])
        rows = ops.zeros((problem.batch_size,), posterior.dtype)
        return {n: rows + (ops.mean(kl, 0) if len(kl.shape) > 1 else kl) for n, kl in each.items()}


class KLPerDimension(Term):
    """The divergence of each entry of $z$, of shape (batch, *event shape), or a dict by part."""

    name = "kl_per_dimension"

    @classmethod
    def depends_on_draws(cls, posterior: Distribution, prior: Distribution) -> bool:
        return KLAtDraws.is_needed(posterior, prior)

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        for part, prior_part in pairs(owner, posterior, prior).values():
            for distribution in (part, prior_part):
                by_dimension(distribution, owner)
            if not has_kl(inside(part), inside(prior_part)):
                raise ValueError(
                    f"{owner} needs the divergence of each dimension in closed form, and there is "
                    f"none from {part!r} to {prior_part!r}."
                )
        for name in posterior.names if isinstance(posterior, Joint) else ():
            if not comes_after_parents(posterior, prior, name):
                raise ValueError(
                    f"{owner} needs the divergence of each dimension in closed form, but the prior "
                    f"of the part {name!r} depends on what the posterior draws after it: take an "
                    "inference in the order of the prior."
                )

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        posterior, prior = problem.posterior, problem.prior
        if not isinstance(posterior, Joint):
            return _per_dimension(posterior, prior)
        found = {}
        for name, (part, prior_part) in at_draws(posterior, prior, draws["latent"]).items():
            kl = _per_dimension(part, prior_part)
            has_samples = len(kl.shape) > len(part.event_shape) + 1
            found[name] = ops.mean(kl, axis=0) if has_samples else kl
        return found


def _per_dimension(posterior, prior):
    entries = (by_dimension(d, "A divergence per dimension") for d in (posterior, prior))
    return kl_divergence(*entries)
