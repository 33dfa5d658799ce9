"""Likelihoods of what is counted or chosen: two classes, counts, many classes, ranks."""

from typing import Any

import keras
import numpy as np

from kelbo import distributions, ops
from kelbo.distributions import Distribution
from kelbo.gp.likelihoods.likelihood import Likelihood, of_shape
from kelbo.parameters import constraints, whole_number
from kelbo.registration import registered
from kelbo.typing import ArrayLike

LINKS = ("logit", "probit")


@registered
class Bernoulli(Likelihood):
    r"""Two classes, 0 and 1: $p(y = 1 \mid f) = \mathrm{sigmoid}(f)$, or $\Phi(f)$.

    Args:
        link: "logit" or "probit".
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Raises:
        ValueError: `link` is neither.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Bernoulli().given([[0.0]]).mean()
        [0.5]
    """

    def __init__(
        self, link: str = "logit", network: keras.layers.Layer | None = None, **kwargs: Any
    ):
        super().__init__(network, **kwargs)
        if link not in LINKS:
            raise ValueError(f'Bernoulli: link must be "logit" or "probit", got {link!r}.')
        self.link = link

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., 0]
        if self.link == "logit":
            return {"logits": f}
        return {"logits": ops.log_normal_cdf(f) - ops.log_normal_cdf(-f)}

    def distribution(self, logits: Any) -> Distribution:
        return distributions.Bernoulli(logits=logits, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "link": self.link}


@registered
class Poisson(Likelihood):
    r"""Counts of mean $e^f$.

    Takes the arguments of `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Poisson().given([[0.0]]).mean()
        [1.]
    """

    def parameters_of(self, features: Any) -> dict[str, Any]:
        return {"log_rate": features[..., 0]}

    def distribution(self, log_rate: Any) -> Distribution:
        return distributions.Poisson(log_rate=log_rate, validate=False)


@registered
class NegativeBinomial(Likelihood):
    r"""Counts of mean $e^f$ and variance $e^f + e^{2f} / r$: more spread than Poisson's.

    Args:
        total_count: $r$, where it starts.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> round(float(gp.likelihoods.NegativeBinomial(3.0).given([[0.0]]).mean()[0]), 6)
        1.0
    """

    def __init__(
        self,
        total_count: ArrayLike = 1.0,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.total_count = self.parameter("total_count", total_count)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., 0]
        count = of_shape(self.total_count, f)
        return {"total_count": count, "logits": f - ops.log(count)}

    def distribution(self, total_count: Any, logits: Any) -> Distribution:
        return distributions.NegativeBinomial(total_count, logits=logits, validate=False)


@registered
class Categorical(Likelihood):
    r"""Many classes, numbered from 0, with a process for each: $p = \mathrm{softmax}(f)$.

    Args:
        classes: Number of classes.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Raises:
        ValueError: `classes` is not a whole number of at least 2.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Categorical(4).given([[0.0, 0.0, 0.0, 0.0]]).mode().shape
        (1,)
    """

    def __init__(self, classes: int, network: keras.layers.Layer | None = None, **kwargs: Any):
        super().__init__(network, **kwargs)
        self.classes = whole_number(type(self).__name__, "classes", classes, 2)

    @property
    def latents(self) -> int:
        return self.classes

    def parameters_of(self, features: Any) -> dict[str, Any]:
        return {"logits": features}

    def distribution(self, logits: Any) -> Distribution:
        return distributions.Categorical(logits=logits, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@registered
class Ordinal(Likelihood):
    r"""Ranks 0 to K - 1: where $f$, with noise, lies among cut points that are learned.

    $$p(y = k \mid f) = \Phi\!\left(\frac{c_{k+1} - f}{\sigma}\right)
      - \Phi\!\left(\frac{c_k - f}{\sigma}\right), \qquad c_0 = -\infty, \; c_K = \infty$$

    (Chu and Ghahramani, 2005, "Gaussian processes for ordinal regression", eq. 9.)

    Args:
        classes: K, the number of ranks.
        scale: $\sigma$, where it starts.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Raises:
        ValueError: `classes` is not a whole number of at least 2.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Ordinal(3).given([[0.0]]).mode()
        [1.]
    """

    def __init__(
        self,
        classes: int,
        scale: ArrayLike = 1.0,
        cut_points: ArrayLike | None = None,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.classes = whole_number(type(self).__name__, "classes", classes, 2)
        if cut_points is None:
            cut_points = np.arange(self.classes - 1) - 0.5 * (self.classes - 2)
        self.cut_points = self.parameter("cut_points", cut_points, constraints.ordered, None)
        self.scale = self.parameter("scale", scale)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., :1]
        ends = (ops.cast(self.cut_points(), f.dtype) - f) / ops.cast(self.scale(), f.dtype)
        first, last = ops.log_normal_cdf(ends[..., :1]), ops.log_normal_cdf(-ends[..., -1:])
        between = ops.log_normal_cdf_difference(ends[..., :-1], ends[..., 1:])
        return {"logits": ops.concatenate([first, between, last], axis=-1)}

    def distribution(self, logits: Any) -> Distribution:
        return distributions.Categorical(logits=logits, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}
