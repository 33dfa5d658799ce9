"""Conditionals of counts and other whole numbers."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import DiscretizedLogistic, NegativeBinomial, Poisson
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.registration import registered


@registered
class ConditionalPoisson(FamilyConditional):
    r"""Independent Poisson distributions, $\mathrm{Poisson}(y; e^{r(c)})$ per entry of $y$.

    Poisson regression: the logarithm of the rate is learned.

    Takes the arguments of `FamilyConditional`. Parameter: `log_rate`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalPoisson
        >>> ConditionalPoisson((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = Poisson
    learned = ("log_rate",)


@registered
class ConditionalNegativeBinomial(FamilyConditional):
    r"""Independent negative binomial distributions: counts with a variance above their mean.

    Takes the arguments of `FamilyConditional`. Parameters: `total_count`, `logits`; the mean is
    `total_count * exp(logits)`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalNegativeBinomial
        >>> ConditionalNegativeBinomial((2,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 2)
    """

    family = NegativeBinomial
    learned = ("total_count", "logits")


@registered
class ConditionalDiscretizedLogistic(FamilyConditional):
    r"""Independent logistic distributions of whole numbers from `low` to `high`: 8-bit pixels.

    The heads return numbers of order 1, so location and scale are learned on a scale on which
    `low` is -1 and `high` is 1 (that of PixelCNN++), and then stretched: `loc` and `scale` of the
    distribution are in units of $y$.

    Args:
        event_shape: Shape of the value $y$.
        network: Keras layer from the context to features, or None.
        low: Smallest value.
        high: Largest value.
        links: As in `FamilyConditional`; of the parameters on the scale from -1 to 1.
        fixed: As in `FamilyConditional`, in units of $y$.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalDiscretizedLogistic
        >>> layer = ConditionalDiscretizedLogistic((28, 28))
        >>> layer.given(np.zeros((5, 2), "float32")).log_prob(np.full((28, 28), 200)).shape
        (5,)
    """

    family = DiscretizedLogistic
    learned = ("loc", "scale")

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        *,
        low: int = 0,
        high: int = 255,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        DiscretizedLogistic(0.0, 1.0, low, high)  # checks the ends
        self.low, self.high = low, high

    def parameters_from(self, **raw: Any) -> dict[str, Any]:
        parameters = super().parameters_from(**raw)
        half = 0.5 * max(self.high - self.low, 1)
        stretched = {name: half * value for name, value in parameters.items()}
        if "loc" in stretched:
            stretched["loc"] = stretched["loc"] + 0.5 * (self.low + self.high)
        return stretched

    def _settings(self):
        return {"low": self.low, "high": self.high}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "low": self.low, "high": self.high}
