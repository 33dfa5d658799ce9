"""Softplus: from the real numbers onto the positive ones, linear for large ones."""

import keras

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import PACKAGE, constraints


@keras.saving.register_keras_serializable(package=PACKAGE)
class Softplus(Bijector):
    r"""$y = \log(1 + e^x)$ for each entry.

    The log-determinant is $-\log(1 + e^{-x})$, finite however far out x is. Unlike `Exp` it does
    not overflow: y is x for large x, and $e^x$ for very negative ones.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Softplus
        >>> float(Softplus().forward(0.0))  # log 2
        0.6931...
    """

    codomain = constraints.positive
    is_increasing = True

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return ops.softplus(x), -ops.softplus(-x)

    def _inverse_and_log_det(self, y):
        log_slope = ops.log1mexp(y)  # log(1 - exp(-y))
        return y + log_slope, -log_slope
