"""Estimators by the score, for posteriors whose draws are not smooth."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.estimators.baselines import LearnedBaseline, RunningAverage
from kelbo.estimators.densities import densities, only_gradient, stopped_log_weights
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.latent import LatentProblem, LogPosterior
from kelbo.registration import registered

_BASELINES = ("none", "running_average", "leave_one_out")


def stopped_draws(posterior: Distribution, samples: int, seed: Any) -> Any:
    """Draws through which no gradient flows.

    Args:
        posterior: Where they are drawn from.
        samples: How many.
        seed: Where they come from.

    Returns:
        Latent values, of shape (samples, batch, *event shape), or a dict of them by part.
    """
    return keras.tree.map_structure(ops.stop_gradient, posterior.sample((samples,), seed))


@registered
class ScoreFunction(Estimator):
    r"""The gradient by the score, for any posterior that has a density.

    $$\nabla_\phi \mathbb{E}_{q_\phi}[L]
        = \mathbb{E}\Big[\sum_s (L_s - b_s)\, \nabla_\phi \log q_\phi(z_s)\Big]
        + \mathbb{E}[\nabla_\phi L \text{ at fixed } z]$$

    (Williams, 1992, REINFORCE; Ranganath, Gerrish and Blei, 2014; Mnih and Gregor, 2014, NVIL.)
    Unbiased for every bound. $L_s$ is the loss, or the sample's share where the loss is a mean over
    samples. A baseline $b_s$ that does not depend on the draw keeps it unbiased and takes out
    noise:

    - `"none"`: 0;
    - `"running_average"`: of the losses seen while training, decayed by 0.9 per step;
    - `"leave_one_out"`: what the other samples say (Kool, van Hoof and Welling, 2019, for means;
      the bound of the others for importance weights). Needs 2 samples or more;
    - `LearnedBaseline(network)`: of the example, trained beside the model by squared error.

    Args:
        baseline: One of these.

    Raises:
        ValueError: Another baseline.

    Example:
        >>> from kelbo.estimators import ScoreFunction
        >>> from kelbo.objectives import ELBO
        >>> ELBO(samples=4, estimator=ScoreFunction("leave_one_out")).estimator
        ScoreFunction(baseline='leave_one_out')
    """

    name = "score_function"

    def __init__(self, baseline: str | LearnedBaseline = "running_average"):
        if baseline not in _BASELINES and not isinstance(baseline, LearnedBaseline):
            raise ValueError(
                f"ScoreFunction: baseline must be one of {', '.join(map(repr, _BASELINES))} or a "
                f"LearnedBaseline, got {baseline!r}."
            )
        self.baseline = baseline
        self._layer = RunningAverage() if baseline == "running_average" else baseline

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        return () if isinstance(self._layer, str) else (self._layer,)

    def check(self, bound: Bound, posterior: Distribution) -> None:
        if self.baseline == "leave_one_out" and bound.samples < 2:
            raise ValueError(
                f'The baseline "leave_one_out" compares samples, but {bound!r} has 1: give it '
                'samples=2 or more, or take the baseline "running_average".'
            )

    def draw(self, part: Distribution, sample_shape: tuple, seed: Any, step: Any) -> Any:
        return ops.stop_gradient(part.sample(sample_shape, seed))

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z = stopped_draws(problem.posterior, bound.samples, seed)
        log_posterior = problem.posterior.log_prob(z)
        terms = densities(problem, bound, z, ops.stop_gradient(log_posterior))
        log_weights = stopped_log_weights(bound, terms)
        # Of a mean of log weights the expectation of this part is 0.
        known = 0.0
        if LogPosterior in bound.weight_terms and not bound.posterior_reduction.is_mean:
            known = bound.posterior_reduction.slopes(log_weights)
        surrogate = self.surrogate(problem, bound, log_weights, log_posterior, known)
        return {**terms, "surrogate": surrogate}

    def surrogate(
        self,
        problem: LatentProblem,
        bound: Bound,
        log_weights: Any,
        log_posterior: Any,
        known: Any = 0.0,
    ) -> Any:
        r"""0, with the gradient $\sum_s (L_s - b_s) \nabla \log q(z_s)$, and what trains $b$.

        Args:
            problem: The densities at a batch of examples.
            bound: Whose gradient is wanted.
            log_weights: Of shape (samples, batch), without a gradient.
            log_posterior: The log densities whose score is taken, of that shape.
            known: What is taken from each signal beside the baseline.

        Returns:
            A tensor of shape (batch,).
        """
        baseline, error = self._expected(problem, bound, log_weights)
        factor = bound.posterior_reduction.signals(log_weights) - baseline - known
        score = ops.stop_gradient(factor) * only_gradient(log_posterior)
        return ops.sum(score, axis=0) + error

    def _expected(self, problem, bound, log_weights):
        """The signals that are expected, and a term that trains the baseline."""
        reduction, samples = bound.posterior_reduction, log_weights.shape[0]
        if self.baseline == "none":
            return 0.0, 0.0
        if self.baseline == "leave_one_out":
            return reduction.left_out(log_weights), 0.0
        signals = reduction.signals(log_weights)
        share = 1.0 / samples if reduction.is_sum else 1.0
        losses = ops.mean(signals, axis=0) / share
        if isinstance(self._layer, RunningAverage):
            expected = self._layer(losses, training=problem.step is not None)
            return share * ops.cast(expected, losses.dtype), 0.0
        expected = ops.cast(self._layer(problem.observed), losses.dtype)
        error = 0.5 * ops.square(expected - losses)
        return share * ops.stop_gradient(expected), only_gradient(error)

    def get_config(self) -> dict[str, Any]:
        is_layer = isinstance(self.baseline, LearnedBaseline)
        serialize = keras.saving.serialize_keras_object
        return {"baseline": serialize(self.baseline) if is_layer else self.baseline}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScoreFunction":
        """The estimator that `get_config` described."""
        baseline = config["baseline"]
        if isinstance(baseline, dict):
            baseline = keras.saving.deserialize_keras_object(baseline)
        return cls(baseline)

    def __repr__(self) -> str:
        return f"ScoreFunction(baseline={self.baseline!r})"


@registered
class Vimco(ScoreFunction):
    r"""The score gradient whose baseline replaces a log weight by the mean of the other ones.

    $$b_s = L(\ell_1, \dots, \tfrac{1}{S - 1} \textstyle\sum_{j \ne s} \ell_j, \dots, \ell_S)$$

    so that each draw is judged by what it changes (Mnih and Rezende, 2016, "Variational inference
    for Monte Carlo objectives", eq. 8 and 10, with the geometric mean). Unbiased for every
    bound; needs 2 samples or more. Memory for the log weights grows with their number squared.

    Example:
        >>> from kelbo.objectives import IWELBO
        >>> IWELBO(samples=5, estimator="vimco").estimator
        Vimco()
    """

    name = "vimco"

    def __init__(self):
        super().__init__("none")

    def check(self, bound: Bound, posterior: Distribution) -> None:
        if bound.samples < 2:
            raise ValueError(
                f'The estimator "vimco" compares samples, but {bound!r} has 1: give it samples=2 '
                'or more, or take the estimator "score_function".'
            )

    def _expected(self, problem, bound, log_weights):
        reduction, samples = bound.posterior_reduction, log_weights.shape[0]
        if reduction.is_sum:
            return reduction.left_out(log_weights), 0.0
        others = (ops.sum(log_weights, axis=0, keepdims=True) - log_weights) / (samples - 1)
        return reduction.replaced(log_weights, others), 0.0

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Vimco":
        """The estimator that `get_config` described."""
        return cls()

    def __repr__(self) -> str:
        return "Vimco()"
