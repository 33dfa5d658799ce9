"""Objectives whose posterior is trained by another loss than the model."""

from collections.abc import Mapping
from typing import Any

from kelbo.estimators import Estimator
from kelbo.estimators.reductions import LogMeanExp, Mean, Reduction
from kelbo.latent import LogPosteriorOfDreams, Term
from kelbo.objectives.objective import Objective
from kelbo.registration import registered
from kelbo.schedules import fixed_number


@registered
class WakeSleep(Objective):
    r"""The wake-sleep algorithm, both phases in one step.

    Wake: the model is trained by the ELBO at draws from the posterior. Sleep: the posterior is
    trained to name the latent value of what the model dreams,

    $$-\log q(z \mid x), \qquad z \sim p(z),\ x \sim p(x \mid z)$$

    (Hinton, Dayan, Frey and Neal, 1995.) Any posterior that has a density will do, discrete ones
    too. The two phases do not descend on one function. The loss is the sum of both.

    Args:
        samples: Posterior samples per example.

    Raises:
        ValueError: `samples` is below 1.

    Example:
        >>> from kelbo.objectives import WakeSleep
        >>> WakeSleep()
        WakeSleep(samples=1)
    """

    own_estimators = ("model_only",)
    regularizer_terms = frozenset({LogPosteriorOfDreams})

    def __init__(self, samples: int = 1):
        super().__init__(samples, "model_only")

    @property
    def reduction(self) -> Reduction:
        return Mean()

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        return -terms["log_posterior_of_dreams"]

    def get_config(self) -> dict[str, Any]:
        return {"samples": self.samples}

    def __repr__(self) -> str:
        return f"WakeSleep(samples={self.samples})"


@registered
class ReweightedWakeSleep(Objective):
    r"""Reweighted wake-sleep: importance weights train the model and the posterior.

    The model is trained by the importance-weighted bound; the posterior in its wake phase by
    $-\sum_s \tilde w_s \log q(z_s \mid x)$, in its sleep phase as in `WakeSleep`, or by both
    (Bornschein and Bengio, 2015, "Reweighted wake-sleep"). Any posterior with a density will do.

    Args:
        samples: Posterior samples per example.
        sleep: Weight of the sleep phase, from 0 (wake alone) to 1 (sleep alone).
        estimator: "wake_phase", or "doubly_reparameterized_wake_phase" where draws are
            reparameterised.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.objectives import ReweightedWakeSleep
        >>> ReweightedWakeSleep(samples=5).sleep
        0.0
    """

    own_estimators = ("wake_phase", "doubly_reparameterized_wake_phase")

    def __init__(self, samples: int, sleep: float = 0.0, estimator: str | Estimator = "wake_phase"):
        super().__init__(samples, estimator)
        if self.estimator.name not in self.own_estimators:
            raise ValueError(
                'ReweightedWakeSleep: estimator must be "wake_phase" or '
                f'"doubly_reparameterized_wake_phase", got {self.estimator!r}: it is no bound '
                "whose gradient others estimate."
            )
        self.sleep = fixed_number("ReweightedWakeSleep", "sleep", sleep, least=0, most=1)

    @property
    def regularizer_terms(self) -> frozenset[type[Term]]:
        return frozenset({LogPosteriorOfDreams} if self.sleep else ())

    @property
    def reduction(self) -> Reduction:
        return LogMeanExp()

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        return -self.sleep * terms["log_posterior_of_dreams"] if self.sleep else 0.0

    def loss(self, terms: Mapping[str, Any]) -> Any:
        if "surrogate" not in terms or not self.sleep:
            return super().loss(terms)
        wake = (1.0 - self.sleep) * terms["surrogate"]
        return super().loss(terms) - terms["surrogate"] + wake

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sleep": self.sleep}
