"""The evidence lower bound, and its relatives that weight the divergence."""

from collections.abc import Mapping
from typing import Any

import keras

from kelbo import ops
from kelbo.estimators import Estimator
from kelbo.estimators.reductions import Mean, Reduction
from kelbo.latent import KL, KLAtDraws, KLPerDimension, KLPerPart, LogLikelihood, Term
from kelbo.objectives.objective import Objective, divergence
from kelbo.registration import registered
from kelbo.schedules import Schedule, as_schedule, at_step


class MeanObjective(Objective):
    """An objective whose log weights are averaged over samples, with either divergence.

    Args:
        samples: Number of Monte Carlo samples per example.
        kl: "analytic" or "monte_carlo".
        estimator: Gradient estimator.

    Raises:
        ValueError: An unknown `kl`.
    """

    def __init__(
        self, samples: int = 1, kl: str = "analytic", estimator: str | Estimator = "pathwise"
    ):
        super().__init__(samples, estimator)
        if kl not in ("analytic", "monte_carlo"):
            raise ValueError(
                f'{type(self).__name__}: kl must be "analytic" or "monte_carlo", got {kl!r}.'
            )
        self.kl = kl

    @property
    def reduction(self) -> Reduction:
        return Mean()

    @property
    def weight_terms(self) -> frozenset[type[Term]]:
        if self.kl == "analytic":
            return frozenset({LogLikelihood, KLAtDraws})
        return super().weight_terms

    @property
    def regularizer_terms(self) -> frozenset[type[Term]]:
        return frozenset({KL} if self.kl == "analytic" else ())

    def weighted(self, terms: Mapping[str, Any], weight: Any) -> Any:
        """The log weights, with a weight on what they hold of the divergence.

        Args:
            terms: Values of the `weight_terms` by name.
            weight: A number.

        Returns:
            A tensor of shape (samples, batch).
        """
        if self.kl != "analytic":
            kl = terms["log_posterior"] - terms["log_prior"]
            return terms["log_likelihood"] - weight * kl
        # Of a latent value with parts: what depends on the draws of other parts.
        if "kl_at_draws" in terms:
            return terms["log_likelihood"] - weight * terms["kl_at_draws"]
        return terms["log_likelihood"]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kl": self.kl}


@registered
class ELBO(MeanObjective):
    r"""Negative evidence lower bound, by either stochastic gradient variational Bayes estimator.

    $$\mathcal{L}(x) = \mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]
                       - \mathrm{KL}(q(z \mid x) \Vert p(z)) \le \log p(x)$$

    With `kl="analytic"`, estimator B of Kingma and Welling (2014, eq. 7): the divergence by its
    closed form, the expectation from samples. With `kl="monte_carlo"`, estimator A (eq. 6): all of
    it from samples, for any posterior and prior.

    Args:
        samples: Number of Monte Carlo samples per example.
        kl: "analytic" or "monte_carlo".
        estimator: Gradient estimator; all there are.

    Raises:
        ValueError: An unknown `kl` or estimator, or `samples` below 1.

    Example:
        >>> from kelbo.objectives import ELBO
        >>> ELBO(samples=5, kl="monte_carlo")
        ELBO(samples=5, kl='monte_carlo')
    """

    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        return self.weighted(terms, 1.0)

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        return terms["kl"] if self.kl == "analytic" else 0.0


@registered
class BetaELBO(MeanObjective):
    r"""The negative ELBO with a weight on the divergence: beta-VAE, and the warm-up of a KL.

    $$-\mathbb{E}_q[\log p(x \mid z)] + \beta\, \mathrm{KL}(q(z \mid x) \Vert p(z))$$

    With a capacity $C$ the second term is $\beta\, \lvert \mathrm{KL} - C \rvert$. (Higgins et al.,
    2017, eq. 4; Burgess et al., 2018, "Understanding disentangling in beta-VAE", eq. 8; as a
    warm-up, Bowman et al., 2016, and Sønderby et al., 2016.) Without a capacity it is a bound for
    $\beta \ge 1$, the looser the larger $\beta$.

    Args:
        beta: Weight $\beta$ of the divergence, at least 0, or a schedule of it:
            `LinearWarmUp(steps=1000)`.
        capacity: $C$ in nats, or a schedule of it; None for none.
        samples: Number of Monte Carlo samples per example.
        kl: "analytic" or "monte_carlo"; a capacity needs the first.
        estimator: Gradient estimator.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.objectives import BetaELBO
        >>> from kelbo.schedules import LinearWarmUp
        >>> BetaELBO(4.0)
        BetaELBO(samples=1, kl='analytic', beta=4.0, capacity=None)
        >>> BetaELBO(LinearWarmUp(steps=1000)).beta.final
        1.0
    """

    def __init__(
        self,
        beta: float | Schedule,
        capacity: float | Schedule | None = None,
        samples: int = 1,
        kl: str = "analytic",
        estimator: str | Estimator = "pathwise",
    ):
        super().__init__(samples, kl, estimator)
        self.beta = as_schedule("BetaELBO", "beta", beta, least=0.0)
        self.capacity = None
        if capacity is not None:
            self.capacity = as_schedule("BetaELBO", "capacity", capacity, least=0.0)
            if kl != "analytic":
                raise ValueError('BetaELBO: a capacity needs the closed form, kl="analytic".')

    @property
    def weight_terms(self) -> frozenset[type[Term]]:
        # A capacity is taken from the whole divergence.
        return super().weight_terms if self.capacity is None else frozenset({LogLikelihood})

    @property
    def regularizer_terms(self) -> frozenset[type[Term]]:
        return super().regularizer_terms if self.capacity is None else frozenset({KL, KLAtDraws})

    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        if self.capacity is not None:
            return terms["log_likelihood"]
        return self.weighted(terms, at_step(self.beta, terms.get("step")))

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        if self.kl != "analytic":
            return 0.0
        step = terms.get("step")
        if self.capacity is None:
            return at_step(self.beta, step) * terms["kl"]
        surplus = ops.abs(divergence(terms) - at_step(self.capacity, step))
        return at_step(self.beta, step) * surplus

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        capacity = self.capacity and serialize(self.capacity)
        return {**super().get_config(), "beta": serialize(self.beta), "capacity": capacity}


@registered
class FreeBits(MeanObjective):
    r"""The negative ELBO in which the first nats of the divergence cost nothing.

    $$-\mathbb{E}_q[\log p(x \mid z)]
        + \sum_d \max\big(\lambda,\, \overline{\mathrm{KL}}_d\big)$$

    where $\overline{\mathrm{KL}}_d$ is the divergence of dimension $d$ averaged over the batch, or,
    per group, that of all dimensions together (Kingma et al., 2016, "Improved variational inference
    with inverse autoregressive flow", section C.8). It keeps dimensions from dying early.

    Args:
        nats: $\lambda$, how many nats are free per dimension or for the group; a number of at least
            0, or a schedule.
        per: "dimension", for a posterior and a prior with independent entries, or "group".
        samples: Number of Monte Carlo samples per example.
        estimator: Gradient estimator.

    Raises:
        ValueError: An argument is out of bounds.

    Example:
        >>> from kelbo.objectives import FreeBits
        >>> FreeBits(0.25)
        FreeBits(samples=1, nats=0.25, per='dimension')
    """

    def __init__(
        self,
        nats: float | Schedule,
        per: str = "dimension",
        samples: int = 1,
        estimator: str | Estimator = "pathwise",
    ):
        super().__init__(samples, estimator=estimator)
        self.nats = as_schedule("FreeBits", "nats", nats, least=0.0)
        if per not in ("dimension", "group"):
            raise ValueError(f'FreeBits: per must be "dimension" or "group", got {per!r}.')
        self.per = per

    weight_terms = frozenset({LogLikelihood})

    @property
    def regularizer_terms(self) -> frozenset[type[Term]]:
        return frozenset({KLPerDimension if self.per == "dimension" else KLPerPart})

    def log_weights(self, terms: Mapping[str, Any]) -> Any:
        return terms["log_likelihood"]

    def regularizer(self, terms: Mapping[str, Any]) -> Any:
        (term,) = self.regularizer_terms
        nats = at_step(self.nats, terms.get("step"))

        def paid(kl):
            kl = ops.reshape(kl, (ops.shape(kl)[0], -1))
            # Its mean over the batch is the maximum, and so is the gradient of that.
            is_paid = ops.mean(kl, axis=0, keepdims=True) > nats
            return ops.sum(ops.where(is_paid, kl, nats + ops.zeros_like(kl)), axis=1)

        return sum(paid(kl) for kl in keras.tree.flatten(terms[term.name]))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["kl"]
        return {**config, "nats": keras.saving.serialize_keras_object(self.nats), "per": self.per}
