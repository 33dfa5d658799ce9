"""Conditionals of vectors."""

import keras

from kelbo.distributions import Dirichlet, MultivariateNormalDiag
from kelbo.layers.families.family import FamilyConditional
from kelbo.parameters import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConditionalMultivariateNormalDiag(FamilyConditional):
    r"""Normal vectors with a diagonal covariance, $\mathcal{N}(y; \mu(c), \mathrm{diag}(s(c))^2)$.

    The same density as `ConditionalNormal`'s, as a `MultivariateNormalDiag` whose divergence from
    any other multivariate normal is known.

    Takes the arguments of `FamilyConditional`; the vectors lie along the last axis of the event.
    Parameters: `loc`, `scale_diag`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalMultivariateNormalDiag
        >>> ConditionalMultivariateNormalDiag((2,)).given(np.zeros((5, 3), "float32")).event_shape
        (2,)
    """

    family = MultivariateNormalDiag
    learned = ("loc", "scale_diag")
    value_rank = 1


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConditionalDirichlet(FamilyConditional):
    r"""Vectors of probabilities that sum to 1, $\mathrm{Dirichlet}(y; \alpha(c))$.

    For shares of a whole: compositions, soft labels.

    Takes the arguments of `FamilyConditional`; the probabilities lie along the last axis of the
    event. Parameter: `concentration`.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import ConditionalDirichlet
        >>> ConditionalDirichlet((3,)).given(np.zeros((5, 3), "float32")).mean().shape
        (5, 3)
    """

    family = Dirichlet
    learned = ("concentration",)
    value_rank = 1
