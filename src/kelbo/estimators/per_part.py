"""Latent values with parts: each part drawn by an estimator of its own."""

from collections.abc import Mapping
from typing import Any

import keras

from kelbo.distributions import Distribution, Joint
from kelbo.estimators.densities import densities, stopped_log_weights
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.latent import LatentProblem
from kelbo.registration import registered


def require_one_loss(name: str, bound: Bound) -> None:
    """Refuses a bound that trains model and posterior by two losses.

    Args:
        name: Of the estimator that has one gradient for both.
        bound: The objective.

    Raises:
        ValueError: It does.
    """
    if bound.posterior_reduction != bound.reduction:
        raise ValueError(
            f'The estimator "{name}" has one gradient for model and posterior, but {bound!r} '
            "trains them by two."
        )


def draw_each(estimator: Estimator, problem: LatentProblem, samples: int, seed: Any) -> Any:
    """Latent values, drawn by the rule of an estimator in every part.

    Args:
        estimator: Says how, in `draw`.
        problem: The densities at a batch of examples.
        samples: How many.
        seed: Where they come from.

    Returns:
        Latent values, of shape (samples, batch, *event shape), or a dict of them by part.
    """

    def by(_, part, shape, seed):
        return estimator.draw(part, shape, seed, problem.step)

    if isinstance(problem.posterior, Joint):
        return problem.posterior.draw(by, (samples,), seed)
    return by(None, problem.posterior, (samples,), seed)


@registered
class PerPart(Estimator):
    r"""An estimator for each part of a latent value: a class by its score, a style pathwise.

    The parts are drawn in their order, each by the rule of its estimator; those that are drawn by
    the score add $\sum_s (L_s - b_s) \nabla \log q(z_{k,s} \mid z_{<k,s}, x)$, in which the whole
    loss is the signal, and gradients flow through the ancestors that let them (Schulman, Heess,
    Weber and Abbeel, 2015, "Gradient estimation using stochastic computation graphs", theorem 1).
    Unbiased where the estimators are. The signals of a part that is drawn by its score after one
    that is drawn pathwise reach the latter through the density, with much noise: let those by
    score come first.

    As an argument, a dict is enough: `ELBO(estimator={"class": "score_function", "style":
    "pathwise"})`.

    Args:
        estimators: An estimator for each part, by its name, or an object: one that has `draw`, as
            "pathwise", "score_function", "vimco", "straight_through" and "gumbel_softmax" have.

    Raises:
        ValueError: One is not for single parts.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(samples=4, estimator={"class": "vimco", "style": "pathwise"}).estimator
        PerPart({'class': Vimco(), 'style': Pathwise()})
    """

    name = "per_part"

    def __init__(self, estimators: Mapping[str, Estimator]):
        self.estimators = dict(estimators)
        for part, estimator in self.estimators.items():
            if type(estimator).draw is Estimator.draw:
                raise ValueError(
                    f'PerPart: the estimator "{estimator.name}" of the part {part!r} is one of all '
                    "parts together, without `draw`: take one that draws single parts, such as "
                    '"pathwise" or "score_function".'
                )

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        return tuple(layer for e in self.estimators.values() for layer in e.layers)

    def check(self, bound: Bound, posterior: Distribution) -> None:
        require_one_loss(self.name, bound)
        names = posterior.names if isinstance(posterior, Joint) else ()
        if set(names) != set(self.estimators):
            raise ValueError(
                f"The estimators {self!r} are for the parts {', '.join(self.estimators)}, but the "
                f"posterior is {posterior!r}: give one for each of its parts, or one for all."
            )
        for name, part in posterior.kinds().items():
            self.estimators[name].check(bound, part)

    def check_prior(self, bound: Bound, posterior: Distribution, prior: Distribution) -> None:
        priors = prior.kinds()
        for name, part in posterior.kinds().items():
            self.estimators[name].check_prior(bound, part, priors[name])

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        posterior = problem.posterior

        def by(name, part, shape, seed):
            return self.estimators[name].draw(part, shape, seed, problem.step)

        z = posterior.draw(by, (bound.samples,), seed)
        each = posterior.log_prob_of_parts(z)
        terms = densities(problem, bound, z, sum(each.values()))
        log_weights = stopped_log_weights(bound, terms)
        surrogates = [
            self.estimators[name].surrogate(problem, bound, log_weights, log_posterior)
            for name, log_posterior in each.items()
            if hasattr(self.estimators[name], "surrogate")
        ]
        return {**terms, "surrogate": sum(surrogates)} if surrogates else terms

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {"estimators": [[name, serialize(e)] for name, e in self.estimators.items()]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PerPart":
        """The estimator that `get_config` described."""
        deserialize = keras.saving.deserialize_keras_object
        return cls({name: deserialize(estimator) for name, estimator in config["estimators"]})

    def __repr__(self) -> str:
        return f"PerPart({self.estimators!r})"
