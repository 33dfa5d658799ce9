"""Transformed: the distribution of a bijector's output."""

from typing import Any

from kelbo import ops
from kelbo.bijectors import Bijector
from kelbo.bijectors.bijector import sum_over_event
from kelbo.bijectors.image import holds_all, image, over_axes
from kelbo.bijectors.inclusion import leaves
from kelbo.distributions.distribution import Distribution
from kelbo.parameters import Composite, Constraint, Shape, broadcast_shapes, constraints
from kelbo.parameters.constraints import Interval
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Transformed(Composite, Distribution):
    r"""The distribution of $y = f(x)$, where $x$ follows another one.

    $$\log p(y) = \log p_x(f^{-1}(y))
                  + \log \left\lvert\det \frac{\partial f^{-1}}{\partial y}\right\rvert$$

    A bijector of numbers acts on each entry; the batch shapes of the two broadcast. Where $y$ is
    not in the codomain of the bijector, the log density is $-\infty$. `sample` and
    `sample_and_log_prob` need the forward direction alone, `log_prob` the inverse. There are a
    `cdf` and a `quantile` for numbers and a monotone bijector (one that is increasing or
    decreasing), if the distribution of $x$ has them; `mean`, `mode` and `entropy` for an affine
    bijector, and `variance` for one of numbers.

    (Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan, 2021, "Normalizing flows for
    probabilistic modeling and inference", section 2.1.)

    Args:
        distribution: The distribution of $x$, continuous.
        bijector: The map $f$.

    Raises:
        ValueError: The bijector is one of vectors or matrices and the distribution one of numbers;
            the bijector does not map values of the shape of $x$; the distribution is discrete; or
            its support leaves the domain of the bijector, where that can be seen.

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
        if leaves(distribution.support, bijector.domain):
            raise ValueError(
                f"Transformed: {distribution!r} has the support {distribution.support.rule!r}, but "
                f"{bijector!r} maps only its domain, {bijector.domain.rule!r}. Give a distribution "
                "whose draws lie in the domain, or put a bijector onto it in front: "
                "Chain([onto(bijector.domain), bijector])."
            )
        # Axes of the event that the bijector treats as a batch.
        self._extra_rank = rank - bijector.event_rank
        self._event_shape = tuple(bijector.forward_event_shape(distribution.event_shape))
        own = bijector.batch_shape_within(rank)
        self._batch_shape = broadcast_shapes(distribution.batch_shape, own)

    def _arguments(self, parameters):
        return {"distribution": self.distribution, "bijector": self.bijector}

    def _sliced(self, index):
        bijector = self.bijector._sliced_within(index, len(self.distribution.event_shape))
        return Transformed(self.distribution._sliced(index), bijector)

    def _lacks_axes(self, index):
        rank = len(self.distribution.event_shape)
        bijector = self.bijector._lacks_axes_within(index, rank)
        return bijector or self.distribution._lacks_axes(index)

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
        return image(self.distribution.support, self.bijector)

    def _shape_of_sample(self, sample_shape):
        batch = self.batch_shape
        if None in batch:
            inner = self.distribution._shape_of_sample(())
            event_rank = len(self.distribution.event_shape)
            x = ops.zeros(inner, dtype=self.dtype)
            log_det = self.bijector._forward_and_log_det(x)[1]
            log_det = sum_over_event(log_det, self._extra_rank)
            known = ops.shape(log_det + ops.zeros(inner[: len(inner) - event_rank], self.dtype))
            batch = tuple(n if n is not None else known[i] for i, n in enumerate(batch))
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
        value, inside = self._inside(value)
        x, log_det = self.bijector._inverse_and_log_det(value)
        log_prob = self.distribution._log_prob(x) + sum_over_event(log_det, self._extra_rank)
        if inside is None:
            return log_prob
        inside = over_axes(inside, len(self.event_shape) - self.bijector.codomain.event_rank)
        return ops.where(inside, log_prob, -float("inf"))

    def _inside(self, value):
        """The value, moved into the codomain, and where it was inside; None if it always is.

        Outside of the codomain the inverse may be NaN, and so its gradient: what lies there is
        replaced by a point that is reached.
        """
        codomain = self.bijector.codomain
        if holds_all(codomain):
            return value, None
        rank = codomain.event_rank
        is_nan = ops.isnan(value)  # stays NaN
        is_nan = ops.any(is_nan, axis=tuple(range(-rank, 0))) if rank else is_nan
        inside = ops.logical_or(codomain.contains(value), is_nan)
        point = _point_of(self.bijector.domain)
        if point is not None:
            x = ops.full(self.distribution.event_shape, point, dtype=self.dtype)
            reached = self.bijector._forward_and_log_det(x)[0]
            expanded = ops.reshape(inside, (*ops.shape(inside), *[1] * rank)) if rank else inside
            value = ops.where(expanded, value, reached)
        return value, inside

    def _monotone(self, what):
        increasing = self.bijector.is_increasing
        if increasing is None or self.event_shape:
            self._missing(what)
        return increasing

    def cdf(self, value: ArrayLike) -> Tensor:
        increasing = self._monotone("cumulative distribution function")
        value = self._as_value(value)
        safe, inside = self._inside(value)
        below = self.distribution.cdf(self.bijector._inverse_and_log_det(safe)[0])
        below = ops.where(increasing, below, 1.0 - below)
        if inside is None:
            return below
        # A codomain of numbers is an interval: what is outside lies on one of its two sides.
        return ops.where(inside, below, ops.cast(value > safe, self.dtype))

    def quantile(self, probability: ArrayLike) -> Tensor:
        increasing = self._monotone("quantile function")
        u = self._as_value(probability)
        x = self.distribution.quantile(ops.where(increasing, u, 1.0 - u))
        return self.bijector._forward_and_log_det(x)[0]

    def _affine(self, what):
        if not self.bijector.is_affine:
            self._missing(what)
        return self.bijector

    def mean(self) -> Tensor:
        """Expected value; of an affine bijector only."""
        bijector = self._affine("mean")
        return self._broadcast(bijector._forward_and_log_det(self.distribution.mean())[0])

    def mode(self) -> Tensor:
        """Most probable value; of an affine bijector only."""
        bijector = self._affine("mode")
        return self._broadcast(bijector._forward_and_log_det(self.distribution.mode())[0])

    def variance(self) -> Tensor:
        """Variance of each entry; of an affine bijector of numbers only."""
        bijector = self._affine("variance")
        if bijector.event_rank:
            self._missing("variance")
        variance = self.distribution.variance()
        log_det = bijector._forward_and_log_det(ops.zeros_like(variance))[1]
        return self._broadcast(ops.exp(2.0 * log_det) * variance)

    def entropy(self) -> Tensor:
        """Entropy in nats; of an affine bijector only."""
        bijector = self._affine("entropy")
        x = ops.zeros(self.distribution._shape_of_sample(()), dtype=self.dtype)
        log_det = sum_over_event(bijector._forward_and_log_det(x)[1], self._extra_rank)
        return self.distribution.entropy() + log_det


def _point_of(domain: Constraint) -> Any:
    """A number that is in a set, by itself or as each entry of a vector; None if not known."""
    if holds_all(domain):
        return 0.0
    if domain is constraints.positive:
        return 1.0
    if not isinstance(domain, Interval):
        return None
    low, high = domain.low, domain.high
    if low is None or high is None:
        return high - 1.0 if low is None else low + 1.0
    return low + 0.5 * (high - low)
