"""The evidence lower bound, and its relatives that weight the divergence."""

from typing import Any

import keras

from kelbo import ops
from kelbo.estimators import Estimator, LatentTerms
from kelbo.estimators.reductions import Mean, Reduction
from kelbo.objectives.objective import Objective
from kelbo.parameters import PACKAGE
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
    def weight_terms(self) -> frozenset[str]:
        if self.kl == "analytic":
            return frozenset({"log_likelihood"})
        return super().weight_terms

    @property
    def regularizer_terms(self) -> frozenset[str]:
        return frozenset({"kl"} if self.kl == "analytic" else ())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kl": self.kl}


@keras.saving.register_keras_serializable(package=PACKAGE)
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

    def log_weights(self, terms: LatentTerms) -> Any:
        return terms.log_likelihood if self.kl == "analytic" else super().log_weights(terms)

    def regularizer(self, terms: LatentTerms) -> Any:
        return terms.kl if self.kl == "analytic" else 0.0


@keras.saving.register_keras_serializable(package=PACKAGE)
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

    def log_weights(self, terms: LatentTerms) -> Any:
        if self.kl == "analytic":
            return terms.log_likelihood
        terms.require(self.weight_terms)
        beta = at_step(self.beta, terms.step)
        beta = beta if terms.step is None else beta[:, None]
        return terms.log_likelihood + beta * (terms.log_prior - terms.log_posterior)

    def regularizer(self, terms: LatentTerms) -> Any:
        if self.kl != "analytic":
            return 0.0
        kl = terms.kl
        if self.capacity is not None:
            kl = ops.abs(kl - at_step(self.capacity, terms.step))
        return at_step(self.beta, terms.step) * kl

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        capacity = self.capacity and serialize(self.capacity)
        return {**super().get_config(), "beta": serialize(self.beta), "capacity": capacity}


@keras.saving.register_keras_serializable(package=PACKAGE)
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

    @property
    def regularizer_terms(self) -> frozenset[str]:
        return frozenset({"kl_per_dimension" if self.per == "dimension" else "kl"})

    def log_weights(self, terms: LatentTerms) -> Any:
        return terms.log_likelihood

    def regularizer(self, terms: LatentTerms) -> Any:
        kl = terms.kl if self.per == "group" else terms.kl_per_dimension
        kl = ops.reshape(kl, (ops.shape(kl)[0], -1))
        nats = at_step(self.nats, terms.step)
        nats = nats if terms.step is None else nats[:, None]
        # Its mean over the batch is the maximum, and so is the gradient of that.
        is_paid = ops.mean(kl, axis=0, keepdims=True) > nats
        return ops.sum(ops.where(is_paid, kl, nats + ops.zeros_like(kl)), axis=1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["kl"]
        return {**config, "nats": keras.saving.serialize_keras_object(self.nats), "per": self.per}
