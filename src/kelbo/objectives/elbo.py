"""The evidence lower bound."""

from typing import Any

import keras

from kelbo import ops
from kelbo.objectives.objective import Objective
from kelbo.objectives.terms import LatentTerms
from kelbo.parameters import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class ELBO(Objective):
    r"""Negative evidence lower bound, by either stochastic gradient variational Bayes estimator.

    $$\mathcal{L}(x) = \mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]
                       - \mathrm{KL}(q(z \mid x) \Vert p(z)) \le \log p(x)$$

    With `kl="analytic"`, estimator B of Kingma and Welling (2014, eq. 7): the divergence by its
    closed form, the expectation from samples. With `kl="monte_carlo"`, estimator A (eq. 6): all of
    it from samples, for any posterior and prior.

    Args:
        samples: Number of Monte Carlo samples per example.
        kl: "analytic" or "monte_carlo".

    Raises:
        ValueError: An unknown `kl`, or `samples` below 1.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(samples=5, kl="monte_carlo")
        ELBO(samples=5, kl='monte_carlo')
    """

    def __init__(self, samples: int = 1, kl: str = "analytic"):
        super().__init__(samples)
        if kl not in ("analytic", "monte_carlo"):
            raise ValueError(f'ELBO: kl must be "analytic" or "monte_carlo", got {kl!r}.')
        self.kl = kl

    @property
    def uses(self) -> frozenset[str]:
        if self.kl == "analytic":
            return frozenset({"log_likelihood", "kl"})
        return frozenset({"log_likelihood", "log_prior", "log_posterior"})

    def loss(self, terms: LatentTerms) -> Any:
        terms.require(self.uses)
        if self.kl == "analytic":
            return terms.kl - ops.mean(terms.log_likelihood, axis=1)
        log_weights = terms.log_likelihood + terms.log_prior - terms.log_posterior
        return -ops.mean(log_weights, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kl": self.kl}
