"""Estimators that differentiate through the draws."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.estimators.densities import densities, only_gradient, stopped_log_weights
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.latent import LatentProblem, LogPosterior
from kelbo.registration import registered

# A weight that underflows cannot be scaled up again: this is nothing beside a weight of 1.
_NOTHING = 1e-30


class ThroughDraws(Estimator):
    """An estimator that needs draws which are smooth functions of the posterior's parameters."""

    needs_log_posterior: ClassVar[bool] = True

    def check(self, bound: Bound, posterior: Distribution) -> None:
        if not posterior.reparameterized:
            raise ValueError(
                f'The estimator "{self.name}" differentiates through draws from the posterior, but '
                f"draws from {posterior!r} are not reparameterised."
            )
        if self.needs_log_posterior and LogPosterior not in bound.weight_terms:
            raise ValueError(
                f'The estimator "{self.name}" changes the gradient of log q(z|x), which '
                f'{bound!r} does not use: take the divergence from samples, kl="monte_carlo", or '
                "another estimator."
            )


@registered
class Pathwise(ThroughDraws):
    r"""The gradient through reparameterised draws, $z = g(\epsilon, \phi)$.

    $$\nabla_\phi \mathbb{E}_{q_\phi}[L]
        = \mathbb{E}_\epsilon[\nabla_\phi L(g(\epsilon, \phi), \phi)]$$

    Unbiased for every bound (Kingma and Welling, 2014, section 2.4; Rezende, Mohamed and Wierstra,
    2014). Its signal vanishes beside its noise in importance-weighted bounds of many samples
    (Rainforth et al., 2018): see `DoublyReparameterized`.

    Example:
        >>> from kelbo.objectives import IWELBO
        >>> IWELBO(samples=5, estimator="pathwise").estimator
        Pathwise()
    """

    name = "pathwise"
    needs_log_posterior = False

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        return part.sample(sample_shape, seed)

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        if bound.posterior_reduction != bound.reduction:
            return two_gradients(
                problem, bound, seed, bound.posterior_reduction.slopes, with_score=True
            )
        if LogPosterior not in bound.weight_terms:
            return densities(problem, bound, problem.posterior.sample((bound.samples,), seed))
        z, log_posterior = problem.posterior.sample_and_log_prob((bound.samples,), seed)
        return densities(problem, bound, z, log_posterior)


@registered
class StickingTheLanding(ThroughDraws):
    r"""The pathwise gradient without the score, $\nabla_\phi \log q_\phi(z)$ at a fixed $z$.

    The score is 0 in expectation under the ELBO and mere noise: without it the gradient vanishes
    for every draw where the posterior is exact. Unbiased for the ELBO (Roeder, Wu and Duvenaud,
    2017, "Sticking the landing", eq. 8). For bounds of several importance weights the score is
    not 0 in expectation, and the estimator is biased (Tucker et al., 2019, section 3); it is
    offered there because it was in wide use before `DoublyReparameterized`.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(kl="monte_carlo", estimator="sticking_the_landing").estimator
        StickingTheLanding()
    """

    name = "sticking_the_landing"

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        if bound.posterior_reduction != bound.reduction:
            return two_gradients(problem, bound, seed, bound.posterior_reduction.slopes)
        z = problem.posterior.sample((bound.samples,), seed)
        return densities(problem, bound, z, problem.stopped_log_posterior(z))


@registered
class DoublyReparameterized(ThroughDraws):
    r"""The pathwise gradient whose score is reparameterised once more.

    For a loss $L(\ell_1, \dots, \ell_S)$ of log weights, the model's parameters get the usual
    weights $v_s = \partial L / \partial \ell_s$, and what flows through the draw $z_s$ into the
    posterior gets

    $$u_s = \frac{\partial L}{\partial \ell_s} - \frac{\partial^2 L}{\partial \ell_s^2}$$

    which is $-\tilde w_s^2$ for the importance-weighted bound (Tucker, Lawson, Gu and Maddison,
    2019, "Doubly reparameterized gradient estimators for Monte Carlo objectives", eq. 8) and
    $-(\alpha \hat w_s + (1 - \alpha) \hat w_s^2)$ for Rényi's (their appendix). Unbiased for every
    bound that is a function of log weights; its signal does not vanish as the samples grow. One
    pass through the model, as `Pathwise`.

    Example:
        >>> from kelbo.objectives import IWELBO
        >>> IWELBO(samples=50, estimator="doubly_reparameterized").estimator
        DoublyReparameterized()
    """

    name = "doubly_reparameterized"

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        reduction = bound.posterior_reduction

        def through_draws(log_weights):
            return reduction.slopes(log_weights) - reduction.curvatures(log_weights)

        return two_gradients(problem, bound, seed, through_draws)


def two_gradients(
    problem: LatentProblem,
    bound: Bound,
    seed: Any,
    through_draws: Callable[[Any], Any],
    with_score: bool = False,
) -> dict[str, Any]:
    """Terms with one gradient for the model and another one through the draws.

    Args:
        problem: The densities at a batch of examples.
        bound: Whose slopes weight the model's gradient.
        seed: Where the draws come from.
        through_draws: Takes the log weights and returns what multiplies the gradient of each by
            its draw.
        with_score: Whether the gradient of log q at the fixed draw is added, with that factor.

    Returns:
        Terms by name, no gradient in any but "surrogate".
    """
    draws = problem.posterior.sample((bound.samples,), seed)
    z, tap = _tapped(draws)
    terms = densities(problem, bound, z, problem.stopped_log_posterior(z))
    log_weights = stopped_log_weights(bound, terms)
    for_model, for_draws = bound.reduction.slopes(log_weights), through_draws(log_weights)
    is_nothing = ops.abs(for_model) < _NOTHING
    for_model = ops.where(is_nothing, _NOTHING, for_model)
    ratio = ops.stop_gradient(for_draws / for_model)
    # Linear in the log weights, so that the weights of their gradients are those that were taken.
    weighted = ops.stop_gradient(for_model) * only_gradient(bound.log_weights(terms))
    surrogate = ops.sum(weighted + ratio * tap[..., 0] + tap[..., 1], axis=0)
    if with_score:
        still = keras.tree.map_structure(ops.stop_gradient, draws)
        score = only_gradient(problem.posterior.log_prob(still))
        surrogate = surrogate - ops.sum(ops.stop_gradient(for_draws) * score, axis=0)
    stopped = keras.tree.map_structure(ops.stop_gradient, terms)
    return {**stopped, "surrogate": surrogate}


def _tapped(draws):
    """Latent values, and one tap for the gradients of all their parts."""
    tapped = [ops.gradient_tap(part, 2) for part in keras.tree.flatten(draws)]
    z = keras.tree.pack_sequence_as(draws, [value for value, _ in tapped])
    return z, sum(tap for _, tap in tapped)
