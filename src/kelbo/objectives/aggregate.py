"""Objectives that look at the posteriors of a whole batch together."""

import math
from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.divergences import InverseMultiquadric, Kernel
from kelbo.divergences.mmd import as_kernel, discrepancy_of_draws
from kelbo.estimators import Estimator
from kelbo.estimators.reductions import Mean, Reduction
from kelbo.latent import (
    KL,
    KLAtDraws,
    Latent,
    LogAggregate,
    LogAggregateMarginals,
    LogLikelihood,
    LogPosterior,
    LogPrior,
    PriorDraws,
    Term,
)
from kelbo.objectives.objective import Objective, divergence
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.schedules import Schedule, as_schedule, at_step, fixed_number

# By which a sum of two numbers that is 1 may miss it.
_ROUNDING = 1e-9


class OfBatch(Objective):
    """An objective whose regulariser is a function of all draws of a batch.

    It is differentiated through them: the estimator must be a pathwise one.
    """

    weight_terms = frozenset({LogLikelihood})

    @property
    def reduction(self) -> Reduction:
        return Mean()

    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        return terms["log_likelihood"]


@registered
class BetaTCELBO(OfBatch):
    r"""The negative ELBO with a weight on the total correlation of the aggregate posterior.

    $$-\mathbb{E}_q[\log p(x \mid z)] + I(x; z) + \beta\, \mathrm{TC}(z)
        + \sum_d \mathrm{KL}(q(z_d) \Vert p(z_d))$$

    whose three last terms are the divergence, decomposed (Chen, Li, Grosse and Duvenaud, 2018,
    "Isolating sources of disentanglement in variational autoencoders", eq. 2 and 4). The aggregate
    posterior is estimated by the batch,

    $$\log q(z) \approx \log \frac{1}{N B} \sum_{j=1}^B q(z \mid x_j)$$

    (their eq. S3); so the terms are biased, the more so the smaller the batch. $N$ does not change
    the gradient. For a posterior and a prior with independent entries.

    Args:
        beta: Weight of the total correlation, at least 0, or a schedule.
        dataset_size: $N$, number of training examples; None for 1, which takes the batch for the
            data.
        samples: Posterior samples per example.
        estimator: Gradient estimator: pathwise.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.objectives import BetaTCELBO
        >>> BetaTCELBO(beta=6.0, dataset_size=60_000)
        BetaTCELBO(samples=1, beta=6.0, dataset_size=60000)
    """

    regularizer_terms = frozenset(
        {Latent, LogPosterior, LogPrior, LogAggregate, LogAggregateMarginals}
    )

    def __init__(
        self,
        beta: float | Schedule,
        dataset_size: int | None = None,
        samples: int = 1,
        estimator: str | Estimator = "pathwise",
    ):
        super().__init__(samples, estimator)
        self.beta = as_schedule("BetaTCELBO", "beta", beta, least=0.0)
        if dataset_size is not None:
            dataset_size = whole_number("BetaTCELBO", "dataset_size", dataset_size)
        self.dataset_size = dataset_size

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        # Both sums over the data are short by the factor N, one of them in each dimension.
        size = float(self.dataset_size or 1)
        dimensions = 1
        for length in terms["latent"].shape[2:]:
            dimensions *= length
        log_aggregate = terms["log_aggregate"] - math.log(size)
        log_marginals = terms["log_aggregate_marginals"] - dimensions * math.log(size)
        beta = at_step(self.beta, terms.get("step"))
        information = terms["log_posterior"] - log_aggregate
        correlation = log_aggregate - log_marginals
        by_dimension = log_marginals - terms["log_prior"]
        return ops.mean(information + beta * correlation + by_dimension, axis=0)

    def get_config(self) -> dict[str, Any]:
        beta = keras.saving.serialize_keras_object(self.beta)
        return {**super().get_config(), "beta": beta, "dataset_size": self.dataset_size}


class _WithDiscrepancy(OfBatch):
    """An objective with a maximum mean discrepancy between posterior draws and the prior's."""

    # The two densities are for the metric alone: no closed divergence is needed to report one.
    regularizer_terms = frozenset({Latent, PriorDraws, LogPosterior, LogPrior})
    compares_densities = False

    def __init__(self, kernel: Kernel | None, estimator: str | Estimator):
        super().__init__(1, estimator)
        kernel = InverseMultiquadric() if kernel is None else kernel
        self.kernel = as_kernel(type(self).__name__, kernel)

    def discrepancy(self, terms: Mapping[str, Any]) -> Any:
        """Between the draws of the batch, as a number."""
        return discrepancy_of_draws(
            _as_vectors(terms["latent"]), _as_vectors(terms["prior_draws"]), self.kernel
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["samples"]
        return {**config, "kernel": keras.saving.serialize_keras_object(self.kernel)}


@registered
class InfoELBO(_WithDiscrepancy):
    r"""The InfoVAE objective with a maximum mean discrepancy.

    $$-\mathbb{E}_q[\log p(x \mid z)] + (1 - \alpha)\, \mathrm{KL}(q(z \mid x) \Vert p(z))
        + (\alpha + \lambda - 1)\, \mathrm{MMD}^2(q(z), p(z))$$

    (Zhao, Song and Ermon, 2019, "InfoVAE: balancing learning and inference in variational
    autoencoders", eq. 6.) The discrepancy is that between one draw per example of the batch and as
    many from the prior. $\alpha = 1$ is the MMD-VAE, which needs no divergence in closed form;
    $\alpha = 0, \lambda = 1$ is the ELBO.

    Args:
        alpha: $\alpha$, at most 1.
        scale: $\lambda$, at least 0 and at least $1 - \alpha$: a negative weight would drive the
            aggregate posterior from the prior.
        kernel: `RBF()` or `InverseMultiquadric()`, the default.
        estimator: Gradient estimator: pathwise.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.divergences import RBF
        >>> from kelbo.objectives import InfoELBO
        >>> InfoELBO(alpha=0.0, scale=1000.0, kernel=RBF())
        InfoELBO(kernel=RBF(scale=None), alpha=0.0, scale=1000.0)
    """

    def __init__(
        self,
        alpha: float = 0.0,
        scale: float = 1000.0,
        kernel: Kernel | None = None,
        estimator: str | Estimator = "pathwise",
    ):
        super().__init__(kernel, estimator)
        self.alpha = fixed_number("InfoELBO", "alpha", alpha, most=1)
        self.scale = fixed_number("InfoELBO", "scale", scale, least=0)
        weight = self.alpha + self.scale - 1.0
        if weight < -_ROUNDING:
            raise ValueError(
                "InfoELBO: alpha + scale - 1, the weight of the discrepancy, must be at least 0, "
                f"got {weight:g}; give a scale of at least {1.0 - self.alpha:g}."
            )

    @property
    def regularizer_terms(self) -> frozenset[type[Term]]:
        return super().regularizer_terms | ({KL, KLAtDraws} if self.alpha < 1.0 else set())

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        discrepancy = (self.alpha + self.scale - 1.0) * self.discrepancy(terms)
        if self.alpha == 1.0:
            return discrepancy
        return (1.0 - self.alpha) * divergence(terms) + discrepancy

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "scale": self.scale}


@registered
class WassersteinMMD(_WithDiscrepancy):
    r"""The Wasserstein autoencoder's objective with a maximum mean discrepancy.

    $$-\mathbb{E}_q[\log p(x \mid z)] + \lambda\, \mathrm{MMD}^2(q(z), p(z))$$

    (Tolstikhin, Bousquet, Gelly and Schölkopf, 2018, "Wasserstein auto-encoders", algorithm 2.) The
    cost of transport is the negative log-likelihood: a normal with a fixed scale makes it a squared
    distance. No bound on the evidence. The metric `kl` is from samples, and is reported, not
    minimised.

    Args:
        scale: $\lambda$, at least 0.
        kernel: `RBF()` or `InverseMultiquadric()`, the default.
        estimator: Gradient estimator: pathwise.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.objectives import WassersteinMMD
        >>> WassersteinMMD(scale=10.0)
        WassersteinMMD(kernel=InverseMultiquadric(scale=None), scale=10.0)
    """

    def __init__(
        self,
        scale: float = 100.0,
        kernel: Kernel | None = None,
        estimator: str | Estimator = "pathwise",
    ):
        super().__init__(kernel, estimator)
        self.scale = fixed_number("WassersteinMMD", "scale", scale, least=0)

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        return self.scale * self.discrepancy(terms)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


def _as_vectors(draws):
    """All draws of the batch, of shape (draws, length), their parts one after another."""
    parts = keras.tree.flatten(draws)
    rows = [ops.reshape(part, (-1, math.prod(part.shape[2:]))) for part in parts]
    return rows[0] if len(rows) == 1 else ops.concatenate(rows, axis=-1)
