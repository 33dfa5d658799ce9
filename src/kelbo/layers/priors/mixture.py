"""A mixture of normals as a prior, whose parameters train."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
)
from kelbo.layers.precision import to_full_precision
from kelbo.layers.priors.prior import Prior, learned_scale
from kelbo.parameters import whole_number
from kelbo.registration import registered


@registered
class LearnedMixture(Prior):
    r"""A mixture of normals with a diagonal covariance, all of whose parameters train.

    $$p(z) = \sum_{k=1}^K \pi_k \prod_d \mathcal{N}(z_d; \mu_{kd}, \sigma_{kd}^2)$$

    (The prior of Dilokthanakul et al., 2016, and of Jiang et al., 2017, "Variational deep
    embedding", without labels.) It starts with equal weights, scales of 1, and means that are drawn
    from the standard normal: equal ones would stay equal. There is no closed divergence:
    `ELBO(kl="monte_carlo")`, or a bound of importance weights.

    Args:
        event_shape: Shape of one latent value.
        components: Number $K$ of components.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `components` is not a whole number of at least 1.

    Example:
        >>> from kelbo.layers import LearnedMixture
        >>> LearnedMixture((2,), components=10).given().sample((5,), seed=0).shape
        (5, 2)
    """

    def __init__(self, event_shape: int | Sequence[int], components: int, **kwargs: Any):
        super().__init__(event_shape, **kwargs)
        self.components = whole_number("LearnedMixture", "components", components)

    def create_variables(self) -> None:
        shape = (self.components, *self.event_shape)
        self.logits = self.add_weight(
            shape=(self.components,), initializer="zeros", name="mixture_logits"
        )
        self.loc = self.add_weight(
            shape=shape, initializer=keras.initializers.RandomNormal(stddev=1.0), name="loc"
        )
        self.scale = learned_scale(self, shape)

    def given(self) -> Distribution:
        """The mixture.

        Returns:
            A `MixtureSameFamily` of batch shape ().
        """
        self.build()
        logits, loc = (
            to_full_precision(ops.convert_to_tensor(variable))
            for variable in (self.logits, self.loc)
        )
        normal = Normal(loc, self.scale(), validate=False)
        return MixtureSameFamily(
            Categorical(logits=logits, validate=False),
            Independent(normal, len(self.event_shape)),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "components": self.components}
