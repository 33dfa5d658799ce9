"""A normal prior whose parameters train."""

from kelbo import ops
from kelbo.distributions import Distribution, Independent, Normal
from kelbo.layers.precision import to_full_precision
from kelbo.layers.priors.prior import Prior, learned_scale
from kelbo.registration import registered


@registered
class LearnedNormal(Prior):
    r"""Independent normals, $\mathcal{N}(z; \mu, \sigma^2)$, with trainable $\mu$ and $\sigma$.

    It starts as the standard normal. Its divergence from a normal posterior is known, so
    `ELBO()` trains it as it does any other.

    Args:
        event_shape: Shape of one latent value.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> from kelbo.layers import LearnedNormal
        >>> LearnedNormal((2,)).given().mean()
        [0., 0.]
    """

    def create_variables(self) -> None:
        self.loc = self.add_weight(shape=self.event_shape, initializer="zeros", name="loc")
        self.scale = learned_scale(self, self.event_shape)

    def given(self) -> Distribution:
        """The normal distribution.

        Returns:
            An `Independent` of batch shape ().
        """
        self.build()
        loc = to_full_precision(ops.convert_to_tensor(self.loc))
        normal = Normal(loc, self.scale(), validate=False)
        return Independent(normal, len(self.event_shape))
