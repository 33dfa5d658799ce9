"""Conditionals of vectors."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.distributions import Dirichlet, MultivariateNormalDiag, MultivariateNormalLowRank
from kelbo.layers.conditionals.families.family import FamilyConditional
from kelbo.parameters import whole_number
from kelbo.registration import registered


@registered
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


@registered
class ConditionalMultivariateNormalLowRank(FamilyConditional):
    r"""Normal vectors with the covariance $\mathrm{diag}(D(c)) + W(c) W(c)^\top$.

    Between a diagonal covariance and a full one: `rank` directions in which the entries vary
    together. Densities, draws and divergences cost O(d k), and no d x d matrix is made (Rezende,
    Mohamed and Wierstra, 2014, section 4.3, and Ong, Nott and Smith, 2018, "Gaussian variational
    approximation with a factor covariance structure", as posteriors).

    Args:
        event_shape: Shape (..., d) of the value $y$; the vectors lie along the last axis.
        network: Keras layer from the context $c$ to features, or None.
        rank: Number $k$ of columns of $W$.
        links: As in `FamilyConditional`.
        fixed: As in `FamilyConditional`.
        **kwargs: Passed to `keras.layers.Layer`. Parameters: `loc`, `cov_diag_factor` (variances),
            `cov_perturb_factor`.

    Raises:
        ValueError: `rank` is not a whole number of at least 1, or the event is no vector.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalMultivariateNormalLowRank
        >>> network = keras.layers.Dense(16, "relu")
        >>> posterior = ConditionalMultivariateNormalLowRank((8,), network, rank=2)
        >>> posterior(np.zeros((5, 64), "float32"))["cov_perturb_factor"].shape
        (5, 8, 2)
    """

    family = MultivariateNormalLowRank
    learned = ("loc", "cov_diag_factor", "cov_perturb_factor")
    value_rank = 1

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        *,
        rank: int,
        **kwargs: Any,
    ):
        self.rank = whole_number("ConditionalMultivariateNormalLowRank", "rank", rank)
        super().__init__(event_shape, network, **kwargs)

    def parameter_shape(self, name: str) -> tuple:
        is_factor = name == "cov_perturb_factor"
        return (*self.event_shape, self.rank) if is_factor else self.event_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}


@registered
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
