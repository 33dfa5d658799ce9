"""Batch normalization as a layer of a flow."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kelbo import bijectors, ops
from kelbo.bijectors import Bijector
from kelbo.bijectors.bijector import sum_over_event
from kelbo.layers.flows.parametric import ParametricBijector
from kelbo.layers.precision import full_precision
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class BatchNormalization(ParametricBijector):
    r"""Values brought to mean 0 and variance 1 on their way to the base, then scaled and shifted.

    From base to values, and back, for each entry along the last axis,

    $$y = m + \sqrt{v + \epsilon} \; e^{-\gamma} (x - \beta), \qquad
      x = \beta + e^{\gamma} (y - m) / \sqrt{v + \epsilon}$$

    with trainable $\gamma$ and $\beta$, and the mean $m$ and the variance $v$ of the values $y$.
    Between the layers of a deep flow it keeps what each of them gets in one range.

    In a model that trains, the way to the base takes the moments of the batch that it is given
    (over all axes but the last) and moves the moving ones towards them. The log-determinant counts
    them as constants, as in the papers; gradients flow through them. Everywhere else, and for the
    way from the base in training too, $m$ and $v$ are the moving ones: a fixed affine map. So put
    the layer into flows that are trained on the densities of data. For one that is trained on its
    own draws, such as a posterior, pass `invert=True`, which exchanges the two ways.

    Args:
        event_shape: Shape of the values that are mapped.
        momentum: Share of the old moving moments that is kept in each step of training.
        epsilon: $\epsilon$, which keeps entries that do not vary from growing without bound.
        invert: Whether the layer is the inverse of that map.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: `momentum` is not between 0 and 1, or `epsilon` is not positive.

    Source: L. Dinh, J. Sohl-Dickstein and S. Bengio, "Density estimation using Real NVP" (2017),
    arXiv:1605.08803, section 3.7; G. Papamakarios, T. Pavlakou and I. Murray, "Masked
    autoregressive flow for density estimation" (2017), arXiv:1705.07057, appendix B.

    Example:
        >>> import numpy as np
        >>> from kelbo.layers import BatchNormalization
        >>> layer = BatchNormalization((2,), epsilon=1e-6)
        >>> layer.given().inverse(np.ones((5, 2), "float32")).shape
        (5, 2)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, invert, **kwargs)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(
                f"BatchNormalization: momentum must be at least 0 and below 1, got {momentum!r}."
            )
        if not epsilon > 0.0:
            raise ValueError(f"BatchNormalization: epsilon must be above 0, got {epsilon!r}.")
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        # A layer by itself: Keras tells it whether the model around it trains.
        self.moments = BatchMoments(
            self.momentum, dtype=full_precision(self.compute_dtype), name="moments"
        )

    def raw_parameters(self) -> dict[str, tuple[tuple, Any]]:
        shape = (*[1] * (len(self.event_shape) - 1), self.event_shape[-1])
        return {"gamma": (shape, "zeros"), "beta": (shape, "zeros")}

    def build_on(self, context_shape: tuple | None) -> None:
        super().build_on(context_shape)
        self.moments.build((None, *self.event_shape))

    def forward_bijector(self, gamma: Any, beta: Any) -> Bijector:
        return _Normalized(self.moments, gamma, beta, self.epsilon, len(self.event_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


class BatchMoments(keras.layers.Layer):
    """Mean and variance along the last axis: those of the batch in training, else moving ones.

    Args:
        momentum: Share of the old moving moments that is kept in each step of training.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, momentum: float, **kwargs: Any):
        super().__init__(**kwargs, autocast=False)
        self.momentum = momentum
        self.mean = self.variance = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the moving moments.

        Args:
            input_shape: Shape of a batch of values.
        """
        if self.built:
            return
        more = {"shape": (input_shape[-1],), "trainable": False}
        self.mean = self.add_weight(initializer="zeros", name="moving_mean", **more)
        self.variance = self.add_weight(initializer="ones", name="moving_variance", **more)
        self.built = True

    def call(self, values: Any, training: bool | None = None) -> tuple[Any, Any]:
        """Mean and variance, of shape (last axis,).

        Args:
            values: Tensor of shape (..., last axis).
            training: Whether the moments are those of `values`; Keras knows it where None.

        Returns:
            Two tensors.
        """
        if not training:
            return self.moving()
        axes = tuple(range(len(values.shape) - 1))
        mean = ops.mean(values, axis=axes)
        variance = ops.mean(ops.square(values - mean), axis=axes)
        for moving, now in ((self.mean, mean), (self.variance, variance)):
            now = ops.cast(ops.stop_gradient(now), moving.dtype)
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return mean, variance

    def moving(self) -> tuple[Any, Any]:
        """The moving mean and variance."""
        return ops.convert_to_tensor(self.mean), ops.convert_to_tensor(self.variance)


class _Normalized(Bijector):
    """The map of `BatchNormalization`: affine, with moments that may be those of the value."""

    parameters = {"gamma": constraints.real, "beta": constraints.real}
    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(
        self,
        moments: Callable[[Any], tuple[Any, Any]],
        gamma: Any,
        beta: Any,
        epsilon: float,
        event_rank: int,
        *,
        dtype: str | None = None,
        validate: bool = False,
    ):
        self._moments, self._epsilon, self._event_rank = moments, epsilon, event_rank
        super().__init__(gamma=gamma, beta=beta, dtype=dtype, validate=validate)
        shape = tuple(self._batch_shape)
        self._batch_shape = shape[: len(shape) - event_rank]

    @property
    def event_rank(self) -> int:
        """How many trailing axes make up one value of x."""
        return self._event_rank

    def _affine(self, moments):
        mean, variance = (ops.cast(moment, self.dtype) for moment in moments)
        return bijectors.BatchNormalization(
            mean, variance, self.beta, ops.exp(self.gamma), self._epsilon, validate=False
        )

    def _forward_and_log_det(self, x):
        y, log_det = self._affine(self._moments.moving())._forward_and_log_det(x)
        return y, sum_over_event(log_det, self.event_rank)

    def _inverse_and_log_det(self, y):
        x, log_det = self._affine(self._moments(y))._inverse_and_log_det(y)
        return x, sum_over_event(log_det, self.event_rank)

    def _arguments(self, parameters):
        return {
            "moments": self._moments,
            **parameters,
            "epsilon": self._epsilon,
            "event_rank": self._event_rank,
        }

    def get_config(self) -> dict[str, Any]:
        """A bijector of moments that move cannot be saved by itself.

        Raises:
            ValueError: Always: the layer is what is saved.
        """
        raise ValueError(
            "BatchNormalization: the bijector that given() returns is not saved by itself; save "
            "the layer, or the model that holds it."
        )
