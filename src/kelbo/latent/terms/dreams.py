"""What the posterior says of examples that the model made up."""

from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.latent.parts import pairs
from kelbo.latent.problem import LatentProblem
from kelbo.latent.supports import require_inside
from kelbo.latent.terms.term import Term


class LogPosteriorOfDreams(Term):
    r"""$\log q(z \mid x)$ at draws $z, x$ from the model, of shape (batch,)."""

    name = "log_posterior_of_dreams"

    @classmethod
    def depends_on_draws(cls, posterior: Distribution, prior: Distribution) -> bool:
        return False

    @classmethod
    def check(cls, owner: str, posterior: Distribution, prior: Distribution) -> None:
        why = f"{owner} has a sleep phase: the posterior must be able to name the prior's draws"
        for part, prior_part in pairs(owner, posterior, prior).values():
            require_inside(prior_part, part, why)

    @classmethod
    def value(cls, problem: LatentProblem, draws: Mapping[str, Any], seed: Any) -> Any:
        z, x = keras.tree.map_structure(ops.stop_gradient, problem.dream(seed))
        return problem.posterior_given(x).log_prob(z)
