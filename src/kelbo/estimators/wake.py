"""The wake phase of a posterior: it is fitted to importance-weighted draws of its own."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.estimators.densities import densities, only_gradient, stopped_log_weights
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.estimators.pathwise import DoublyReparameterized, two_gradients
from kelbo.estimators.score_function import stopped_draws
from kelbo.latent import LatentProblem
from kelbo.registration import registered


@registered
class ModelOnly(Estimator):
    """No gradient by the posterior from the draws: it is trained by another term.

    Example:
        >>> from kelbo.objectives import WakeSleep
        >>> WakeSleep().estimator
        ModelOnly()
    """

    name = "model_only"

    def check(self, bound: Bound, posterior: Distribution) -> None:
        _require_own(self.name, bound)

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z = stopped_draws(problem.posterior, bound.samples, seed)
        log_posterior = ops.stop_gradient(problem.posterior.log_prob(z))
        return densities(problem, bound, z, log_posterior)


@registered
class WakePhase(Estimator):
    r"""The posterior's gradient is that of $-\sum_s \tilde w_s \log q(z_s \mid x)$.

    It fits the posterior by the inclusive divergence $\mathrm{KL}(p(z \mid x) \Vert q)$, estimated
    with self-normalised importance weights (Bornschein and Bengio, 2015, "Reweighted wake-sleep",
    eq. 6): any posterior that has a density will do. Biased for few samples, consistent.

    Example:
        >>> from kelbo.objectives import ReweightedWakeSleep
        >>> ReweightedWakeSleep(samples=5).estimator
        WakePhase()
    """

    name = "wake_phase"

    def check(self, bound: Bound, posterior: Distribution) -> None:
        _require_own(self.name, bound)

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z = stopped_draws(problem.posterior, bound.samples, seed)
        log_posterior = problem.posterior.log_prob(z)
        terms = densities(problem, bound, z, ops.stop_gradient(log_posterior))
        weights = ops.softmax(stopped_log_weights(bound, terms), axis=0)
        score = only_gradient(log_posterior)
        return {**terms, "surrogate": -ops.sum(weights * score, axis=0)}


@registered
class DoublyReparameterizedWakePhase(WakePhase):
    r"""The wake phase through reparameterised draws: less noise, its expectation unchanged.

    What flows through the draw $z_s$ gets the weight $-(\tilde w_s - \tilde w_s^2)$ (Tucker et al.,
    2019, eq. 10).

    Example:
        >>> from kelbo.objectives import ReweightedWakeSleep
        >>> ReweightedWakeSleep(samples=5, estimator="doubly_reparameterized_wake_phase").estimator
        DoublyReparameterizedWakePhase()
    """

    name = "doubly_reparameterized_wake_phase"

    def check(self, bound: Bound, posterior: Distribution) -> None:
        super().check(bound, posterior)
        DoublyReparameterized().check(bound, posterior)

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        return two_gradients(problem, bound, seed, bound.reduction.curvatures)


def _require_own(name, bound):
    if name not in bound.own_estimators:
        raise ValueError(
            f'The estimator "{name}" is no gradient of {bound!r}: it belongs to the objectives '
            'WakeSleep ("model_only") and ReweightedWakeSleep (the wake phases). Take one of '
            "those, or another estimator."
        )
