"""Bounds of powers of importance weights: Rényi's, and the chi upper bound."""

import math
from typing import Any

import numpy as np

from kelbo.distributions import Distribution
from kelbo.estimators import Estimator
from kelbo.estimators.reductions import Extreme, LogMeanExp, Mean, Reduction
from kelbo.latent.parts import pairs
from kelbo.latent.supports import require_inside
from kelbo.objectives.objective import Objective
from kelbo.registration import registered
from kelbo.schedules import fixed_number

_FLOAT32_MAX = float(np.finfo("float32").max)


@registered
class RenyiBound(Objective):
    r"""Negative variational Rényi bound.

    $$\mathcal{L}_\alpha(x) = \frac{1}{1 - \alpha} \log \mathbb{E}_{q}\Big[
        \Big(\frac{p(x, z)}{q(z \mid x)}\Big)^{1 - \alpha}\Big]$$

    estimated from $S$ samples (Li and Turner, 2016, "Rényi divergence variational inference", eq. 9
    and 13). It falls with $\alpha$: 0 is the importance-weighted bound, 1 the ELBO, both exactly;
    `-inf` takes the largest weight alone (VR-max) and `inf` the smallest. For $\alpha \ge 0$ it is
    a lower bound in expectation; below 0 it is an upper one as $S$ grows.

    Args:
        alpha: Any real number, or `-inf` or `inf`.
        samples: $S$.
        estimator: Gradient estimator, as of `IWELBO`.

    Raises:
        ValueError: `alpha` is NaN, no number, or finite and beyond single precision; `samples` is
            below 1, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import RenyiBound
        >>> RenyiBound(alpha=0.5, samples=5)
        RenyiBound(samples=5, alpha=0.5)
    """

    def __init__(self, alpha: float, samples: int, estimator: str | Estimator = "pathwise"):
        super().__init__(samples, estimator)
        self.alpha = fixed_number("RenyiBound", "alpha", alpha, may_be_infinite=True)
        if _FLOAT32_MAX < abs(self.alpha) < math.inf:
            limit = "inf" if self.alpha > 0 else "-inf"
            raise ValueError(
                f"RenyiBound: alpha must be within single precision, at most {_FLOAT32_MAX:.2g} in "
                f"size, got {alpha!r}; take {limit}, the limit."
            )

    @property
    def reduction(self) -> Reduction:
        if math.isinf(self.alpha):
            return Extreme(largest=self.alpha < 0)
        return Mean() if self.alpha == 1.0 else LogMeanExp(1.0 - self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


@registered
class ChiUpperBound(Objective):
    r"""Upper bound on the evidence by the chi divergence, CUBO, which is minimised.

    $$\mathcal{U}_n(x) = \frac{1}{n} \log \mathbb{E}_q\Big[
        \Big(\frac{p(x, z)}{q(z \mid x)}\Big)^n\Big] \ge \log p(x)$$

    (Dieng, Tran, Ranganath, Paisley and Blei, 2017, "Variational inference via chi upper bound
    minimization", eq. 3.) With the ELBO it sandwiches the evidence. It trains the posterior alone:
    a model that followed it would make its data improbable.

    The posterior descends on $\mathbb{E}_q[w^n]$, divided by its present estimate (their section
    3), which a doubly reparameterised gradient does with little noise. From few samples the bound
    itself is estimated too low, often below the evidence, and the plain pathwise gradient follows
    that error: it diverges on small images with 20 samples. Judge it with many samples.

    Args:
        n: Order, above 1: at 1 the bound does not depend on the posterior.
        samples: Number of samples per example.
        estimator: Gradient estimator, as of `IWELBO`.

    Raises:
        ValueError: An argument is out of bounds, or there is no such estimator.

    Example:
        >>> from kelbo.objectives import ChiUpperBound
        >>> ChiUpperBound(n=2, samples=100)
        ChiUpperBound(samples=100, estimator=DoublyReparameterized(), n=2.0)
    """

    trains_model = False

    def __init__(
        self,
        n: float = 2.0,
        samples: int = 20,
        estimator: str | Estimator = "doubly_reparameterized",
    ):
        super().__init__(samples, estimator)
        self.n = fixed_number("ChiUpperBound", "n", n, above=1)

    def check(self, posterior: Distribution, prior: Distribution) -> None:
        super().check(posterior, prior)
        why = f"{self!r} is an upper bound where the posterior is positive wherever the prior is"
        for part, prior_part in pairs(repr(self), posterior, prior).values():
            require_inside(prior_part, part, why)

    @property
    def reduction(self) -> Reduction:
        return LogMeanExp(self.n, sign=1.0, is_exponentiated=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}
