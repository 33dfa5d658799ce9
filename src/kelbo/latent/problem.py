"""What a gradient estimator, or a term, may ask of a model, for one batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution


@dataclass(frozen=True)
class LatentProblem:
    r"""The densities of a latent variable model at a batch of examples, computed when asked for.

    Latent values have the samples in front: (samples, batch, *event shape), or a dict of such
    tensors by part where posterior and prior are a `distributions.Joint`. Log densities of them are
    of shape (samples, batch), in nats.

    Attributes:
        observed: The examples $x$, of shape (batch, *event shape), or a dict of them by part.
        posterior: $q(z \mid x)$, of batch shape (batch,).
        prior: $p(z)$, or $p(z \mid c)$ of batch shape (batch,).
        log_likelihood: Takes latent values, returns $\log p(x \mid z)$.
        stopped_log_likelihood: The same with no gradient by the likelihood's variables.
        log_prior: Takes latent values, returns $\log p(z)$.
        stopped_log_posterior: Takes latent values, returns $\log q(z \mid x)$ with no gradient by
            the posterior's parameters, but by the values.
        dream: Takes a seed, returns a draw $z, x$ from the model for each example of the batch;
            None where the model cannot.
        posterior_given: Takes examples, such as dreams, returns $q(z \mid x)$.
        step: How many training steps were done, a number; None outside of training.
        training_examples: How many examples the model is trained on; None where nobody knows.
    """

    observed: Any
    posterior: Distribution
    prior: Distribution
    log_likelihood: Callable[[Any], Any]
    stopped_log_likelihood: Callable[[Any], Any]
    log_prior: Callable[[Any], Any]
    stopped_log_posterior: Callable[[Any], Any]
    dream: Callable[[Any], tuple[Any, Any]] | None = None
    posterior_given: Callable[[Any], Distribution] | None = None
    step: Any = None
    training_examples: Any = None

    @property
    def batch_size(self) -> Any:
        """Number of examples."""
        return ops.shape(keras.tree.flatten(self.observed)[0])[0]
