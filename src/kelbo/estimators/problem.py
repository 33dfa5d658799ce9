"""What a gradient estimator may ask of a model, for one batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kelbo.distributions import Distribution


@dataclass(frozen=True)
class LatentProblem:
    r"""The densities of a latent variable model at a batch of examples.

    Latent values have the samples in front: (samples, batch, *event shape). Log densities of them
    are of shape (samples, batch), in nats.

    Attributes:
        observed: The examples $x$, of shape (batch, *event shape).
        posterior: $q(z \mid x)$, of batch shape (batch,).
        prior: $p(z)$.
        log_likelihood: Takes latent values, returns $\log p(x \mid z)$.
        stopped_log_likelihood: The same with no gradient by the likelihood's variables.
        log_prior: Takes latent values, returns $\log p(z)$.
        stopped_log_posterior: Takes latent values, returns $\log q(z \mid x)$ with no gradient by
            the posterior's parameters, but by the values.
        step: How many training steps were done, a number; None outside of training.
    """

    observed: Any
    posterior: Distribution
    prior: Distribution
    log_likelihood: Callable[[Any], Any]
    stopped_log_likelihood: Callable[[Any], Any]
    log_prior: Callable[[Any], Any]
    stopped_log_posterior: Callable[[Any], Any]
    step: Any = None
