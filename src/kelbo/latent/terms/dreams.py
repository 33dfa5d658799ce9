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


def dream(owner: str, problem: LatentProblem, seed: Any) -> tuple[Any, Any]:
    """A draw from the model for each example of a batch.

    Args:
        owner: Who needs it, for the error.
        problem: What the model can say of the batch.
        seed: Where the draw comes from.

    Returns:
        Latent values and examples, z and x.

    Raises:
        ValueError: The model cannot: its problem has no `dream`.
    """
    if problem.dream is None:
        raise ValueError(
            f"{owner} needs examples that the model makes up, but its LatentProblem has dream=None:"
            " give it a function of a seed that returns draws z, x, one for each example."
        )
    return problem.dream(seed)


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
        owner = "A sleep phase (WakeSleep, ReweightedWakeSleep)"
        if problem.posterior_given is None:
            raise ValueError(
                f"{owner} asks the posterior of examples that the model makes up, but its "
                "LatentProblem has posterior_given=None: give it a function of examples that "
                "returns q(z | x)."
            )
        z, x = keras.tree.map_structure(ops.stop_gradient, dream(owner, problem, seed))
        return problem.posterior_given(x).log_prob(z)
