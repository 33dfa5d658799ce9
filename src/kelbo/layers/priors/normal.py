"""A normal prior whose parameters train."""

from typing import Any

import keras
import numpy as np

from kelbo import ops
from kelbo.distributions import Distribution, Independent, Normal
from kelbo.layers.precision import to_full_precision
from kelbo.layers.priors.prior import Prior
from kelbo.parameters import PACKAGE

# Nearer to 0 no scale comes: a density that grows without bound is no model.
_FLOOR = 1e-3
# Where the scale is 1.
_START = float(np.log(np.expm1(1.0 - _FLOOR)))


def positive_scale(raw: Any) -> Any:
    r"""The scale $10^{-3} + \mathrm{softplus}(r)$ of a variable.

    Args:
        raw: A variable, or a tensor.

    Returns:
        A tensor of its shape.
    """
    return _FLOOR + ops.softplus(to_full_precision(ops.convert_to_tensor(raw)))


def starting_scale() -> keras.initializers.Initializer:
    """How a variable starts whose `positive_scale` shall be 1.

    Returns:
        An initializer.

    Example:
        >>> from kelbo.layers.priors.normal import positive_scale, starting_scale
        >>> round(float(positive_scale(starting_scale()(()))), 4)
        1.0
    """
    return keras.initializers.Constant(_START)


@keras.saving.register_keras_serializable(package=PACKAGE)
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
        self.raw_scale = self.add_weight(
            shape=self.event_shape, initializer=starting_scale(), name="raw_scale"
        )

    def given(self) -> Distribution:
        """The normal distribution.

        Returns:
            An `Independent` of batch shape ().
        """
        self.build()
        loc = to_full_precision(ops.convert_to_tensor(self.loc))
        normal = Normal(loc, positive_scale(self.raw_scale), validate=False)
        return Independent(normal, len(self.event_shape))
