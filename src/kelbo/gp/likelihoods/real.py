"""Likelihoods of real numbers: normal noise, noise that varies, and heavy tails."""

from typing import Any

import keras

from kelbo import distributions, ops
from kelbo.distributions import Distribution, Normal
from kelbo.gp.likelihoods.likelihood import Likelihood, of_shape
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Gaussian(Likelihood):
    r"""Normal noise of one variance, $N(y; f, \sigma^2)$.

    Args:
        noise_variance: $\sigma^2$, where it starts.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Gaussian(4.0).given([[1.0]]).stddev()
        [2.]
    """

    def __init__(
        self,
        noise_variance: ArrayLike = 1.0,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.noise_variance = self.parameter("noise_variance", noise_variance)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., 0]
        return {"loc": f, "scale": ops.sqrt(of_shape(self.noise_variance, f))}

    def distribution(self, loc: Any, scale: Any) -> Distribution:
        return Normal(loc, scale, validate=False)

    def predictive(self, mean: Tensor, variance: Tensor) -> Distribution:
        noise = of_shape(self.noise_variance, mean[:, 0])
        return Normal(mean[:, 0], ops.sqrt(variance[:, 0] + noise), validate=False)


@registered
class HeteroscedasticGaussian(Likelihood):
    r"""Normal noise whose scale is a second process, $N(y; f_1, (m + \mathrm{softplus}(f_2))^2)$.

    Args:
        minimum_scale: The floor $m$.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.HeteroscedasticGaussian().given([[1.0, 0.0]]).mean()
        [1.]
    """

    def __init__(
        self,
        minimum_scale: float = 1e-3,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.minimum_scale = float(minimum_scale)

    @property
    def latents(self) -> int:
        return 2

    def parameters_of(self, features: Any) -> dict[str, Any]:
        scale = self.minimum_scale + ops.softplus(features[..., 1])
        return {"loc": features[..., 0], "scale": scale}

    def distribution(self, loc: Any, scale: Any) -> Distribution:
        return Normal(loc, scale, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minimum_scale": self.minimum_scale}


@registered
class StudentT(Likelihood):
    r"""Noise with heavy tails, Student's t around $f$: outliers count little.

    Args:
        df: Degrees of freedom, where they start; above 1.
        scale: Where the scale starts.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.StudentT(df=4.0).given([[1.0]]).mean()
        [1.]
    """

    def __init__(
        self,
        df: ArrayLike = 4.0,
        scale: ArrayLike = 1.0,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.df = self.parameter("df", df, constraints.greater_than(1.0))
        self.scale = self.parameter("scale", scale)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., 0]
        return {"df": of_shape(self.df, f), "loc": f, "scale": of_shape(self.scale, f)}

    def distribution(self, df: Any, loc: Any, scale: Any) -> Distribution:
        return distributions.StudentT(df, loc, scale, validate=False)
