"""A multivariate normal distribution whose parameters are outputs of a network."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.distributions import Distribution, MultivariateNormalTriL
from kelbo.layers.conditionals.conditional import Conditional
from kelbo.layers.conditionals.head import ParameterHead
from kelbo.layers.scale import floor_of, positive
from kelbo.parts import size_of_batch
from kelbo.registration import registered


@registered
class ConditionalMultivariateNormalTriL(Conditional):
    r"""Multivariate normal with full covariance, $\mathcal{N}(y; \mu(c), L(c) L(c)^\top)$.

    The second head returns the d(d+1)/2 entries of the lower triangle; the diagonal is made
    positive as `scale` says.

    Args:
        event_shape: Shape (d,) of the value $y$.
        network: Keras layer from the context $c$ to features, or None.
        scale: How an output becomes a diagonal entry; see `ConditionalNormal`.
        minimum_scale: Floor of the diagonal. None: 1e-3 for softplus, 0 for the others.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The event is not a vector, `scale` is unknown, or the floor is negative.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalMultivariateNormalTriL
        >>> posterior = ConditionalMultivariateNormalTriL((2,), keras.layers.Dense(16, "relu"))
        >>> posterior.given(np.zeros((5, 64), "float32")).scale_tril.shape
        (5, 2, 2)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        scale: str = "softplus",
        minimum_scale: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, network, **kwargs)
        if len(self.event_shape) != 1:
            raise ValueError(
                "ConditionalMultivariateNormalTriL is a distribution of vectors: event_shape must "
                f"be (d,), got {self.event_shape}."
            )
        self.scale = scale
        self.minimum_scale = floor_of(scale, minimum_scale)
        size = self.event_shape[0]
        self._loc = self._head("loc")
        self._triangle = self._head("triangle", (size * (size + 1) // 2,))

    @property
    def heads(self) -> dict[str, ParameterHead]:
        return {"loc": self._loc, "triangle": self._triangle}

    def parameters_from(self, loc: Any, triangle: Any) -> dict[str, Any]:
        matrix = ops.fill_triangular(triangle)
        # Off the diagonal, the exponential may overflow: it is taken of 0 there.
        on_diagonal = ops.cast(ops.eye(self.event_shape[0]), "bool")
        diagonal = ops.where(on_diagonal, matrix, ops.zeros_like(matrix))
        scale = positive(diagonal, self.scale, self.minimum_scale)
        return {"loc": loc, "scale_tril": ops.where(on_diagonal, scale, matrix)}

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> dict[str, tuple]:
        loc = (size_of_batch(input_shape), *self.event_shape)
        return {"loc": loc, "scale_tril": (*loc, *self.event_shape)}

    def distribution(self, loc: Any, scale_tril: Any) -> Distribution:
        return MultivariateNormalTriL(loc, scale_tril, validate=False)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "minimum_scale": self.minimum_scale,
        }
