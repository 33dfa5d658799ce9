"""The likelihood of shares: numbers between 0 and 1."""

from typing import Any

import keras

from kelbo import distributions, ops
from kelbo.distributions import Distribution
from kelbo.gp.likelihoods.likelihood import Likelihood, of_shape
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Beta(Likelihood):
    r"""Numbers in (0, 1) of mean $m = \mathrm{sigmoid}(f)$: $\mathrm{Beta}(s m, s (1 - m))$.

    Args:
        concentration: $s$, where it starts; the larger, the nearer to the mean.
        network: As in `Likelihood`.
        **kwargs: Passed to `Likelihood`.

    Example:
        >>> from kelbo import gp
        >>> gp.likelihoods.Beta(4.0).given([[0.0]]).mean()
        [0.5]
    """

    def __init__(
        self,
        concentration: ArrayLike = 2.0,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(network, **kwargs)
        self.concentration = self.parameter("concentration", concentration)

    def parameters_of(self, features: Any) -> dict[str, Any]:
        f = features[..., 0]
        total = of_shape(self.concentration, f)
        return {
            "concentration1": total * ops.sigmoid(f),
            "concentration0": total * ops.sigmoid(-f),
        }

    def distribution(self, concentration1: Any, concentration0: Any) -> Distribution:
        return distributions.Beta(concentration1, concentration0, validate=False)
