"""Conditionals of classes: classification as a probability of each class."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import Categorical, OneHotCategorical
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.parameters import whole_number
from kelbo.registration import registered


@registered
class ConditionalCategorical(FamilyConditional):
    r"""Independent classes $y \in \{0, \dots, K - 1\}$ with the probabilities $\pi(c)$.

    Its negative log density is Keras' sparse categorical cross-entropy from logits.

    Args:
        event_shape: Shape of the value $y$: () for a class number per example.
        network: Keras layer from the context to features, or None.
        classes: Number $K$ of classes.
        links: As in `FamilyConditional`.
        fixed: As in `FamilyConditional`.
        **kwargs: Passed to `keras.layers.Layer`. Parameter: `logits`.

    Raises:
        ValueError: `classes` is not a whole number of at least 1.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalCategorical
        >>> layer = ConditionalCategorical((), classes=10)
        >>> layer(np.zeros((5, 3), "float32"))["logits"].shape
        (5, 10)
    """

    family = Categorical
    learned = ("logits",)

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        *,
        classes: int,
        **kwargs: Any,
    ):
        self.classes = whole_number("ConditionalCategorical", "classes", classes)
        super().__init__(event_shape, network, **kwargs)

    def parameter_shape(self, name: str) -> tuple:
        return (*self.event_shape, self.classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@registered
class ConditionalOneHotCategorical(FamilyConditional):
    r"""One-hot vectors along the last axis of $y$, of the class probabilities $\pi(c)$.

    Its negative log density is Keras' categorical cross-entropy from logits.

    Takes the arguments of `FamilyConditional`; the event shape ends in the number of classes.
    Parameter: `logits`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalOneHotCategorical
        >>> ConditionalOneHotCategorical((10,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 10)
    """

    family = OneHotCategorical
    learned = ("logits",)
    value_rank = 1
