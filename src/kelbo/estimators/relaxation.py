"""Biased estimators for discrete posteriors: smooth draws in place of the discrete ones."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Bernoulli, Distribution, OneHotCategorical
from kelbo.estimators.densities import densities
from kelbo.estimators.discrete import harden, relaxed, require_discrete, straight_through
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.estimators.per_part import draw_each, require_one_loss
from kelbo.latent import LatentProblem, LogPosterior, LogPrior
from kelbo.latent.entries import inside
from kelbo.latent.parts import pairs
from kelbo.registration import registered
from kelbo.schedules import Schedule, as_schedule, at_step

_FAMILIES = (Bernoulli, OneHotCategorical)


@registered
class StraightThrough(Estimator):
    r"""Discrete draws, with the gradient of the probabilities in place of their own.

    $$z = b + \pi - \mathrm{stop\_gradient}(\pi), \qquad b \sim q$$

    (Bengio, Léonard and Courville, 2013.) Exact where the bound is linear in $z$, biased
    elsewhere; little noise. For Bernoulli and one-hot posteriors.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(estimator="straight_through").estimator
        StraightThrough()
    """

    name = "straight_through"

    def check(self, bound: Bound, posterior: Distribution) -> None:
        require_discrete(self.name, posterior, _FAMILIES)
        require_one_loss(self.name, bound)

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        return straight_through(part, sample_shape, seed)

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z = draw_each(self, problem, bound.samples, seed)
        return densities(problem, bound, z, problem.posterior.log_prob(z))


@registered
class GumbelSoftmax(Estimator):
    r"""Relaxed draws in place of the discrete ones, as near to them as the temperature is low.

    $$z = \mathrm{softmax}((\eta + g) / \tau), \qquad g_k \sim \mathrm{Gumbel}(0, 1)$$

    (Jang, Gu and Poole, 2017; Maddison, Mnih and Teh, 2017; for a Bernoulli posterior, the sigmoid
    of logistic noise.) The gradient is that of the relaxed bound: biased for the discrete one, more
    so at high temperatures, noisier at low ones. With a divergence from samples, the densities of
    posterior and prior are those of their relaxations. For Bernoulli and one-hot posteriors.

    Args:
        temperature: Positive number $\tau$, or a schedule of it.
        hard: Whether the model sees discrete values, with the gradient of the relaxed ones.

    Raises:
        ValueError: The temperature is not positive.

    Example:
        >>> from kelbo.estimators import GumbelSoftmax
        >>> from kelbo.schedules import ExponentialDecay
        >>> GumbelSoftmax(ExponentialDecay(start=1.0, end=0.3, steps=10_000)).hard
        False
    """

    name = "gumbel_softmax"

    def __init__(self, temperature: float | Schedule = 0.5, hard: bool = False):
        self.temperature = as_schedule("GumbelSoftmax", "temperature", temperature, above=0.0)
        self.hard = bool(hard)

    def check(self, bound: Bound, posterior: Distribution) -> None:
        require_discrete(self.name, posterior, _FAMILIES)
        require_one_loss(self.name, bound)
        if self.hard and LogPosterior in bound.weight_terms:
            raise ValueError(
                "GumbelSoftmax(hard=True) needs a divergence in closed form: discrete values have "
                f'no relaxed density, which {bound!r} asks for. Take hard=False, or kl="analytic".'
            )

    def check_prior(self, bound: Bound, posterior: Distribution, prior: Distribution) -> None:
        if LogPosterior not in bound.weight_terms:
            return
        for part, prior_part in pairs(repr(bound), posterior, prior).values():
            family = next(f for f in _FAMILIES if isinstance(inside(part), f))
            if not isinstance(inside(prior_part), family):
                raise ValueError(
                    f"GumbelSoftmax has no relaxed density of the prior {prior_part!r} at relaxed "
                    f"draws of {part!r}, which {bound!r} asks for: take a prior of "
                    f"{family.__name__} (or Independent ones), or another estimator."
                )

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        z = relaxed(part, at_step(self.temperature, step)).sample(sample_shape, seed)
        return z + ops.stop_gradient(harden(part, z) - z) if self.hard else z

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z = draw_each(self, problem, bound.samples, seed)
        if LogPosterior not in bound.weight_terms:
            return densities(problem, bound, z)
        temperature = at_step(self.temperature, problem.step)
        terms = densities(problem, bound, z, relaxed(problem.posterior, temperature).log_prob(z))
        return {**terms, LogPrior.name: relaxed(problem.prior, temperature).log_prob(z)}

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": keras.saving.serialize_keras_object(self.temperature),
            "hard": self.hard,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "GumbelSoftmax":
        """The estimator that `get_config` described."""
        temperature = keras.saving.deserialize_keras_object(config["temperature"])
        return cls(temperature, config["hard"])

    def __repr__(self) -> str:
        return f"GumbelSoftmax(temperature={self.temperature!r}, hard={self.hard})"
