"""The numbers that every variational bound is a function of."""

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
    """

    log_likelihood: Any = None
    log_prior: Any = None
    log_posterior: Any = None
    kl: Any = None
