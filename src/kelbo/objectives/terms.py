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
    """

    log_likelihood: Any = None
    log_prior: Any = None
    log_posterior: Any = None
    kl: Any = None

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
