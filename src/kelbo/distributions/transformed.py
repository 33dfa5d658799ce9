"""Transformed: the distribution of a bijector's output."""

from typing import Any

import keras

from kelbo import ops
from kelbo.bijectors import Bijector
from kelbo.bijectors.bijector import sum_over_event
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import PACKAGE, Constraint, Shape, broadcast_shapes, constraints


@keras.saving.register_keras_serializable(package=PACKAGE)
class Transformed(Distribution):
    r"""The distribution of $y = f(x)$, where $x$ follows another one.

    $$\log p(y) = \log p_x(f^{-1}(y))
                  + \log \left\lvert\det \frac{\partial f^{-1}}{\partial y}\right\rvert$$

    A bijector of numbers acts on each entry; the batch shapes of the two broadcast.
    `sample_and_log_prob` needs the forward direction alone.

    Args:
        distribution: The distribution of $x$, continuous.
        bijector: The map $f$.

    Raises:
        ValueError: The bijector is one of vectors or matrices and the distribution one of numbers,
            or the distribution is discrete.

    Example:
        >>> from kelbo.bijectors import Exp
        >>> from kelbo.distributions import Normal, Transformed
        >>> float(Transformed(Normal(0.0, 1.0), Exp()).log_prob(1.0))
        -0.9189...
    """

    def __init__(self, distribution: Distribution, bijector: Bijector):
        dtype = max(distribution.dtype, bijector._parameter_dtype or distribution.dtype)
        self.distribution = distribution.astype(dtype)
        self.bijector = bijector.astype(dtype)
        self.dtype = dtype
        rank = len(distribution.event_shape)
        if rank < bijector.event_rank:
            raise ValueError(
                f"Transformed: {bijector!r} maps values of rank {bijector.event_rank}, but "
                f"{distribution!r} is over values of shape {distribution.event_shape}: make the "
                f"last axes of its batch part of the event, Independent(distribution, "
                f"{bijector.event_rank - rank})."
            )
        if distribution.support.is_discrete:
            raise ValueError(
                f"Transformed: {distribution!r} is discrete; a log-determinant has no meaning for "
                "its masses."
            )
        # Axes of the event that the bijector treats as a batch.
        self._extra_rank = rank - bijector.event_rank
        own = bijector.batch_shape
        own = own[: max(len(own) - self._extra_rank, 0)]
        self._batch_shape = broadcast_shapes(distribution.batch_shape, own)
        self._event_shape = tuple(bijector.forward_event_shape(distribution.event_shape))

    @property
    def event_shape(self) -> Shape:
        return self._event_shape

    @property
    def reparameterized(self) -> bool:
        """Whether gradients flow through `sample`, as in the distribution inside."""
        return self.distribution.reparameterized

    @property
    def support(self) -> Constraint:
        """The image of the support of the distribution inside."""
        inner, outer = self.distribution.support, self.bijector.codomain
        if inner in _ALL and self.bijector.domain in _ALL:
            return outer
        rank = self.bijector.inverse_event_rank

        def contains(y):
            reached = _over_axes(outer.contains(y), rank - outer.event_rank)
            x = self.bijector.inverse(y)
            within = inner.contains(x)
            return ops.logical_and(
                reached, _over_axes(within, self.bijector.event_rank - inner.event_rank)
            )

        return Constraint(
            f"the image of {inner.rule} under {self.bijector!r}", contains, event_rank=rank
        )

    def _shape_of_sample(self, sample_shape):
        inner = self.distribution._shape_of_sample(())
        inner_batch = inner[: len(inner) - len(self.distribution.event_shape)]
        batch = tuple(
            size if size is not None else inner_batch[i - len(self.batch_shape)]
            for i, size in enumerate(self.batch_shape)
        )
        return tuple(sample_shape) + batch + self.event_shape

    def _inner_shape(self, shape):
        leading = shape[: len(shape) - len(self.event_shape)]
        inner = self.distribution._shape_of_sample(())
        return leading + inner[len(inner) - len(self.distribution.event_shape) :]

    def _sample(self, shape, seed):
        x = self.distribution._sample(self._inner_shape(shape), seed)
        return self.bijector._forward_and_log_det(x)[0]

    def _sample_and_log_prob(self, shape, seed):
        x, log_prob = self.distribution._sample_and_log_prob(self._inner_shape(shape), seed)
        y, log_det = self.bijector._forward_and_log_det(x)
        return y, log_prob - sum_over_event(log_det, self._extra_rank)

    def _log_prob(self, value):
        inside = self._reached(value)
        if inside is not None:
            # Outside of the image the inverse is NaN, and so would its gradient be: it is taken of
            # the image of 0 there.
            inner = self.bijector._forward_and_log_det(ops.zeros_like(value))[0]
            value = ops.where(inside, value, inner)
        x, log_det = self.bijector._inverse_and_log_det(value)
        log_prob = self.distribution._log_prob(x) + sum_over_event(log_det, self._extra_rank)
        if inside is None:
            return log_prob
        inside = _over_axes(inside, len(self.event_shape))
        return ops.where(inside, log_prob, ops.full_like(log_prob, -float("inf")))

    def _reached(self, value):
        """Which entries a bijector of numbers reaches; None where it reaches all."""
        codomain, domain = self.bijector.codomain, self.bijector.domain
        if codomain in _ALL or domain not in _ALL or codomain.event_rank:
            return None
        return ops.logical_or(codomain.contains(value), ops.isnan(value))

    def _monotone(self, what):
        increasing = self.bijector.is_increasing
        if increasing is None or self.event_shape:
            self._missing(what)
        return increasing

    def cdf(self, value: Any) -> Any:
        increasing = self._monotone("cumulative distribution function")
        value = self._as_value(value)
        inside = self._reached(value)
        safe = value
        if inside is not None:
            inner = self.bijector._forward_and_log_det(ops.zeros_like(value))[0]
            safe = ops.where(inside, value, inner)
        below = self.distribution.cdf(self.bijector._inverse_and_log_det(safe)[0])
        below = ops.where(increasing, below, 1.0 - below)
        if inside is None:
            return below
        # A codomain of numbers is an interval: what is outside lies on one of its two sides.
        return ops.where(inside, below, ops.cast(value > safe, self.dtype))

    def quantile(self, probability: Any) -> Any:
        increasing = self._monotone("quantile function")
        u = self._as_value(probability)
        x = self.distribution.quantile(ops.where(increasing, u, 1.0 - u))
        return self.bijector._forward_and_log_det(x)[0]

    def astype(self, dtype: str) -> "Transformed":
        if dtype == self.dtype:
            return self
        return Transformed(self.distribution.astype(dtype), self.bijector.astype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {
            "distribution": keras.saving.serialize_keras_object(self.distribution),
            "bijector": keras.saving.serialize_keras_object(self.bijector),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transformed":
        return cls(
            keras.saving.deserialize_keras_object(config["distribution"]),
            keras.saving.deserialize_keras_object(config["bijector"]),
        )

    def __repr__(self) -> str:
        return f"Transformed({self.distribution!r}, {self.bijector!r})"


# Every number; a vector or a matrix of them is in the set if each entry is.
_ALL = (constraints.real, constraints.real_vector, constraints.real_matrix)


def _over_axes(contained: Any, rank: int) -> Any:
    return ops.all(contained, axis=tuple(range(-rank, 0))) if rank > 0 else contained
