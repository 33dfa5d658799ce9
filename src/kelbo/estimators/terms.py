"""The numbers that every variational bound is a function of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LatentTerms:
    r"""Log densities at samples $z_s \sim q(z \mid x)$, in nats, summed over event axes.

    A term that the objective does not use is None.

    Attributes:
        log_likelihood: $\log p(x \mid z_s)$, of shape (batch, samples).
        log_prior: $\log p(z_s)$, of shape (batch, samples).
        log_posterior: $\log q(z_s \mid x)$, of shape (batch, samples).
        kl: $\mathrm{KL}(q(z \mid x) \Vert p(z))$ by its closed form, of shape (batch,).
        kl_per_dimension: The same for each entry of $z$, of shape (batch, *latent shape).
        latent: The values $z_s$, of shape (batch, samples, *latent shape).
        prior_draws: As many draws from the prior, of the shape of `latent`.
        log_aggregate: $\log q(z_s)$ under the posteriors of the batch, averaged, of shape
            (batch, samples).
        log_aggregate_marginals: $\sum_d \log q(z_{s,d})$ under them, of shape (batch, samples).
        log_posterior_of_dreams: $\log q(z \mid x)$ at draws $z, x$ from the model, of shape
            (batch,).
        step: How many training steps were done, of shape (batch,); None outside of training.
        surrogate: 0 in value, with the part of the gradient by the posterior's parameters that
            differentiating the other terms does not give, of shape (batch,).
    """

    log_likelihood: Any = None
    log_prior: Any = None
    log_posterior: Any = None
    kl: Any = None
    kl_per_dimension: Any = None
    latent: Any = None
    prior_draws: Any = None
    log_aggregate: Any = None
    log_aggregate_marginals: Any = None
    log_posterior_of_dreams: Any = None
    step: Any = None
    surrogate: Any = None

    def require(self, names: Iterable[str]) -> None:
        """Checks that these terms are there.

        Args:
            names: Names of attributes.

        Raises:
            ValueError: One of them is None.
        """
        missing = sorted(name for name in names if getattr(self, name) is None)
        if missing:
            raise ValueError(
                f"LatentTerms lack {', '.join(missing)}, which the objective uses: compute every "
                "term that is named in its `uses`."
            )
