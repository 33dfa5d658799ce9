"""Bernoulli and continuous Bernoulli distributions whose logits are outputs of a network."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import Bernoulli, ContinuousBernoulli, Distribution
from kelbo.layers.conditional import Conditional
from kelbo.layers.head import ParameterHead
from kelbo.parameters import PACKAGE


class _ByLogits(Conditional):
    """A family with one parameter, its logits."""

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        self._logits = self._head("logits")

    @property
    def heads(self) -> dict[str, ParameterHead]:
        return {"logits": self._logits}

    def parameters_from(self, logits: Any) -> dict[str, Any]:
        return {"logits": logits}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConditionalBernoulli(_ByLogits):
    r"""Independent Bernoullis, $\mathrm{Bernoulli}(y; \mathrm{sigmoid}(\eta(c)))$ per entry.

    For data that are 0 or 1. For data between, see `ConditionalContinuousBernoulli`.

    Args:
        event_shape: Shape of the value $y$.
        network: Keras layer from the context $c$ to features, or None.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalBernoulli
        >>> likelihood = ConditionalBernoulli((28, 28), keras.layers.Dense(16, "relu"))
        >>> likelihood.given(np.zeros((5, 2), "float32")).event_shape
        (28, 28)
    """

    def distribution(self, logits: Any) -> Distribution:
        return self._independent(Bernoulli(logits=logits, validate=False))


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConditionalContinuousBernoulli(_ByLogits):
    r"""Independent continuous Bernoullis with the logits $\eta(c)$, for data in [0, 1].

    Args:
        event_shape: Shape of the value $y$.
        network: Keras layer from the context $c$ to features, or None.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalContinuousBernoulli
        >>> likelihood = ConditionalContinuousBernoulli((8, 8), keras.layers.Dense(16, "relu"))
        >>> likelihood.given(np.zeros((5, 2), "float32")).log_prob(np.full((8, 8), 0.5)).shape
        (5,)
    """

    def distribution(self, logits: Any) -> Distribution:
        return self._independent(ContinuousBernoulli(logits=logits, validate=False))
