"""Unbiased estimators for discrete posteriors that know more of them than the score."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Bernoulli, Distribution, OneHotCategorical
from kelbo.estimators.densities import densities, only_gradient, stopped_log_weights
from kelbo.estimators.discrete import coupled_draws, require_discrete, require_whole
from kelbo.estimators.estimator import Bound, Estimator
from kelbo.latent import LatentProblem, LogPosterior
from kelbo.latent.entries import inside
from kelbo.registration import registered
from kelbo.schedules import fixed_number


def _require_mean(name, bound):
    if not bound.posterior_reduction.is_mean:
        raise ValueError(
            f'The estimator "{name}" is for the ELBO, a mean over samples, and the bounds that add '
            f"a divergence to it, not for {bound!r}."
        )


@registered
class Rebar(Estimator):
    r"""The score gradient with the relaxed model as its control variate.

    $$\big(f(b) - \eta f(\tilde z_b)\big) \nabla \log q(b)
        + \eta \nabla f(z) - \eta \nabla f(\tilde z_b)$$

    where $b$ is the discrete draw, $z$ its relaxation at temperature $\tau$, and $\tilde z_b$
    another relaxed draw that agrees with $b$ (Tucker et al., 2017, "REBAR", eq. 9). Unbiased for
    every $\eta$ and $\tau$, which are fixed here; three passes through the model. For Bernoulli and
    one-hot posteriors, and bounds whose divergence has a closed form.

    Args:
        temperature: Positive number $\tau$.
        scale: $\eta$; 0 is the score gradient by itself.

    Raises:
        ValueError: The temperature is not a positive number, or the scale is no finite number.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(estimator="rebar").estimator
        Rebar(temperature=0.5, scale=1.0)
    """

    name = "rebar"

    def __init__(self, temperature: float = 0.5, scale: float = 1.0):
        self.temperature = fixed_number("Rebar", "temperature", temperature, above=0)
        self.scale = fixed_number("Rebar", "scale", scale)

    def check(self, bound: Bound, posterior: Distribution) -> None:
        require_whole(self.name, posterior)
        require_discrete(self.name, posterior, (Bernoulli, OneHotCategorical))
        _require_mean(self.name, bound)
        if LogPosterior in bound.weight_terms:
            raise ValueError(
                'The estimator "rebar" needs a divergence in closed form, kl="analytic": a relaxed '
                f"value has no mass under the posterior, which {bound!r} asks for."
            )

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        z, relaxed, conditional = coupled_draws(
            problem.posterior, bound.samples, self.temperature, seed
        )
        terms = densities(problem, bound, z)
        loss = -stopped_log_weights(bound, terms)
        of_relaxed = -problem.stopped_log_likelihood(relaxed)
        of_conditional = -problem.stopped_log_likelihood(conditional)
        score = only_gradient(problem.posterior.log_prob(z))
        surrogate = (loss - self.scale * ops.stop_gradient(of_conditional)) * score
        surrogate = surrogate + self.scale * only_gradient(of_relaxed - of_conditional)
        return {**terms, "surrogate": ops.mean(surrogate, axis=0)}

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "scale": self.scale}


@registered
class DisARM(Estimator):
    r"""Two antithetic draws, and what changes between them, for Bernoulli posteriors.

    $$\tfrac{1}{2} \big(f(b) - f(\tilde b)\big) (-1)^{\tilde b_d}\, [b_d \ne \tilde b_d]\,
        \sigma(|\eta_d|)$$

    is the gradient by the logit $\eta_d$, where $b = [1 - u < \sigma(\eta)]$ and
    $\tilde b = [u < \sigma(\eta)]$ share their noise (Dong, Mnih and Tucker, 2020, "DisARM: an
    antithetic gradient estimator for binary latent variables", eq. 7; found by Yin, Ho, Yan, Qian
    and Zhou, 2020, too). Unbiased; the noise of ARM (Yin and Zhou, 2019) averaged out. Samples come
    in pairs.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(samples=2, estimator="disarm").estimator
        DisARM()
    """

    name = "disarm"

    def check(self, bound: Bound, posterior: Distribution) -> None:
        require_whole(self.name, posterior)
        require_discrete(self.name, posterior, (Bernoulli,))
        _require_mean(self.name, bound)
        if bound.samples % 2:
            raise ValueError(
                f'The estimator "disarm" draws pairs, but {bound!r} has {bound.samples} samples: '
                f"give it samples={bound.samples + 1}."
            )

    def terms(self, problem: LatentProblem, bound: Bound, seed: Any) -> dict[str, Any]:
        bernoulli, pairs = inside(problem.posterior), bound.samples // 2
        logits = bernoulli.logits
        u = ops.random.uniform_open((pairs, *ops.shape(logits)), bernoulli.dtype, seed)
        probs = ops.stop_gradient(bernoulli.probs)
        first, second = (ops.cast(noise < probs, u.dtype) for noise in (1.0 - u, u))
        z = ops.concatenate([first, second], axis=0)
        log_posterior = None
        if LogPosterior in bound.weight_terms:
            log_posterior = ops.stop_gradient(problem.posterior.log_prob(z))
        terms = densities(problem, bound, z, log_posterior)
        losses = -stopped_log_weights(bound, terms)
        difference = 0.5 * (losses[:pairs] - losses[pairs:])
        differs = ops.cast(ops.not_equal(first, second), u.dtype)
        factor = differs * (1.0 - 2.0 * second) * ops.stop_gradient(ops.sigmoid(ops.abs(logits)))
        by_entry = factor * only_gradient(logits)
        event_axes = tuple(range(2, len(u.shape)))
        by_pair = ops.sum(by_entry, axis=event_axes) if event_axes else by_entry
        return {**terms, "surrogate": ops.mean(difference * by_pair, axis=0)}
