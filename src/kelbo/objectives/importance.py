"""Importance-weighted bounds."""

from typing import Any

from kelbo.estimators import Estimator
from kelbo.estimators.reductions import Blend, LogMeanExp, Mean, OfGroups, Reduction
from kelbo.objectives.objective import Objective
from kelbo.parameters import whole_number
from kelbo.registration import registered
from kelbo.schedules import fixed_number


@registered
class IWELBO(Objective):
    r"""Negative importance-weighted evidence lower bound.

    $$\mathcal{L}_S(x) = \mathbb{E}\Big[\log \frac{1}{S} \sum_{s=1}^S
        \frac{p(x, z_s)}{q(z_s \mid x)}\Big] \le \log p(x)$$

    (Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders", eq. 8.) Never looser
    with more samples, and tight as $S$ grows. One sample makes it the ELBO. With many samples train
    it with `estimator="doubly_reparameterized"`.

    Args:
        samples: $S$.
        estimator: Gradient estimator: pathwise, sticking the landing (biased), doubly
            reparameterised, score function, VIMCO, straight-through, Gumbel-softmax.

    Raises:
        ValueError: `samples` is below 1, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import IWELBO
        >>> IWELBO(samples=50, estimator="doubly_reparameterized").samples
        50
    """

    def __init__(self, samples: int, estimator: str | Estimator = "pathwise"):
        super().__init__(samples, estimator)

    @property
    def reduction(self) -> Reduction:
        return LogMeanExp()


class _OfGroups(Objective):
    def __init__(self, outer: int, inner: int, estimator: str | Estimator = "pathwise"):
        self.outer = whole_number(type(self).__name__, "outer", outer)
        self.inner = whole_number(type(self).__name__, "inner", inner)
        super().__init__(self.outer * self.inner, estimator)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["samples"]
        return {"outer": self.outer, "inner": self.inner, **config}


@registered
class MIWAE(_OfGroups):
    r"""The mean of several importance-weighted bounds.

    $$\mathbb{E}\Big[\frac{1}{M} \sum_{m=1}^M \log \frac{1}{K} \sum_{k=1}^K w_{m,k}\Big]$$

    (Rainforth et al., 2018, "Tighter variational bounds are not necessarily better", eq. 17.) With
    as many samples in all it trades tightness against the signal in the posterior's gradient.

    Args:
        outer: $M$.
        inner: $K$.
        estimator: Gradient estimator, as of `IWELBO`.

    Raises:
        ValueError: A number is below 1, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import MIWAE
        >>> MIWAE(outer=8, inner=8).samples
        64
    """

    @property
    def reduction(self) -> Reduction:
        return OfGroups(LogMeanExp(), self.inner)


@registered
class PIWAE(_OfGroups):
    r"""The model is trained by the bound of all samples, the posterior by the bounds of groups.

    The loss is `IWELBO` of $M K$ samples; the posterior's gradient is that of `MIWAE` (Rainforth et
    al., 2018, section 4.3).

    Args:
        outer: $M$.
        inner: $K$.
        estimator: Gradient estimator: pathwise, sticking the landing (biased), doubly
            reparameterised, score function, VIMCO.

    Raises:
        ValueError: A number is below 1, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import PIWAE
        >>> PIWAE(outer=8, inner=8)
        PIWAE(outer=8, inner=8)
    """

    @property
    def reduction(self) -> Reduction:
        return LogMeanExp()

    @property
    def posterior_reduction(self) -> Reduction:
        return OfGroups(LogMeanExp(), self.inner)


@registered
class CIWAE(Objective):
    r"""A weighted mean of the ELBO and the importance-weighted bound, from the same samples.

    $$\beta\, \mathrm{ELBO} + (1 - \beta)\, \mathcal{L}_S$$

    (Rainforth et al., 2018, eq. 18.)

    Args:
        beta: Weight $\beta$ of the ELBO, between 0 and 1.
        samples: $S$.
        estimator: Gradient estimator, as of `IWELBO`.

    Raises:
        ValueError: An argument is out of bounds, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import CIWAE
        >>> CIWAE(beta=0.5, samples=64)
        CIWAE(samples=64, beta=0.5)
    """

    def __init__(self, beta: float, samples: int, estimator: str | Estimator = "pathwise"):
        super().__init__(samples, estimator)
        self.beta = fixed_number("CIWAE", "beta", beta, least=0, most=1)

    @property
    def reduction(self) -> Reduction:
        return Blend(((self.beta, Mean()), (1.0 - self.beta, LogMeanExp())))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}
