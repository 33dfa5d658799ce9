"""Bernoulli and continuous Bernoulli distributions whose logits are outputs of a network."""

from kelbo.distributions import Bernoulli, ContinuousBernoulli
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.registration import registered


@registered
class ConditionalBernoulli(FamilyConditional):
    r"""Independent Bernoullis, $\mathrm{Bernoulli}(y; \mathrm{sigmoid}(\eta(c)))$ per entry.

    For data that are 0 or 1. For data between, see `ConditionalContinuousBernoulli`.

    Takes the arguments of `FamilyConditional`. Parameter: `logits`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalBernoulli
        >>> likelihood = ConditionalBernoulli((28, 28), keras.layers.Dense(16, "relu"))
        >>> likelihood.given(np.zeros((5, 2), "float32")).event_shape
        (28, 28)
    """

    family = Bernoulli
    learned = ("logits",)


@registered
class ConditionalContinuousBernoulli(FamilyConditional):
    r"""Independent continuous Bernoullis with the logits $\eta(c)$, for data in [0, 1].

    Takes the arguments of `FamilyConditional`. Parameter: `logits`.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalContinuousBernoulli
        >>> likelihood = ConditionalContinuousBernoulli((8, 8), keras.layers.Dense(16, "relu"))
        >>> likelihood.given(np.zeros((5, 2), "float32")).log_prob(np.full((8, 8), 0.5)).shape
        (5,)
    """

    family = ContinuousBernoulli
    learned = ("logits",)
