"""ZeroInflated: a distribution of counts with more zeros than its own."""

from typing import Any

import keras

from kelbo import ops
from kelbo.distributions.distribution import Distribution
from kelbo.distributions.probabilities import OfOdds
from kelbo.ops.seeds import several_seeds
from kelbo.parameters import Constraint, broadcast_shapes, constraints
from kelbo.parameters.slicing import BatchIndex, FullRank
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class ZeroInflated(OfOdds):
    r"""A discrete distribution of numbers, mixed with a point mass at 0.

    $$p(x) = \pi\, [x = 0] + (1 - \pi)\, p_0(x)$$

    A zero is either one of the excess, with probability $\pi$, or one of the distribution inside. A
    continuous distribution is refused: a mass at 0 beside a density is no density, and a model of
    such data is a Bernoulli for zeros and the continuous distribution for what is not zero.

    (Lambert, 1992, "Zero-inflated Poisson regression, with an application to defects in
    manufacturing".)

    Args:
        distribution: The discrete distribution $p_0$ of numbers: Poisson, NegativeBinomial, ...
        logits: Log odds of an excess zero. Exact in the tails.
        probs: Probability $\pi$ of an excess zero, from 0 to 1. Give one of the two. Its shape
            broadcasts against the batch shape of the distribution.
        dtype: Floating dtype; None takes that of the distribution.
        validate: Whether values of `logits` and `probs` are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, a probability outside [0, 1], shapes
            that do not broadcast, or a distribution that is continuous or one of vectors.

    Example:
        >>> from kelbo.distributions import Poisson, ZeroInflated
        >>> float(ZeroInflated(Poisson(rate=3.0), probs=0.5).mean())
        1.5
    """

    parameters = {"logits": constraints.real, "probs": constraints.unit_interval}

    def __init__(
        self,
        distribution: Distribution,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        if not distribution.support.is_discrete or distribution.event_shape:
            kind = "continuous" if not distribution.support.is_discrete else "one of vectors"
            raise ValueError(
                f"ZeroInflated: {distribution!r} is {kind}; give a discrete distribution of "
                "numbers, such as Poisson or NegativeBinomial."
            )
        super().__init__(logits, probs, dtype=dtype or distribution.dtype, validate=validate)
        self.distribution = distribution.astype(self.dtype)
        try:
            self._batch_shape = broadcast_shapes(self._batch_shape, distribution.batch_shape)
        except ValueError:
            name = next(iter(self._given))
            raise ValueError(
                f"ZeroInflated: {name} has the shape {tuple(self.probs.shape)}, which does not "
                f"broadcast against the batch shape of {distribution!r}."
            ) from None

    @property
    def support(self) -> Constraint:
        """The support of the distribution inside, and 0."""
        inner = self.distribution.support
        return Constraint(
            f"0 or {inner.rule}",
            lambda x: ops.logical_or(ops.equal(x, 0), inner.contains(x)),
            is_discrete=True,
        )

    def _reference(self):
        return self.probs + ops.zeros(self.distribution._shape_of_sample(()), dtype=self.dtype)

    def _sample(self, shape, seed):
        seeds = several_seeds(seed)
        inner = self.distribution._sample(shape, seeds)
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seeds)
        return ops.stop_gradient(ops.where(uniform < self.probs, ops.zeros_like(inner), inner))

    def _log_prob(self, value):
        inner = self._log_share() + self.distribution._log_prob(value)
        log_excess = self._log_excess()
        return ops.where(ops.equal(value, 0), _log_add(log_excess, inner), inner)

    def _log_excess(self):
        """The log probability of an excess zero."""
        if not self._odds.may_be_certain:
            return self._odds.log_probs()
        return ops.where(self._odds.is_never(), -float("inf"), self._odds.log_probs())

    def _log_share(self):
        """The log probability of a draw from the distribution inside."""
        if not self._odds.may_be_certain:
            return self._odds.log_complement()
        return ops.where(self._odds.is_always(), -float("inf"), self._odds.log_complement())

    def _inner_zero(self):
        """The log probability of 0 in the distribution inside."""
        return self.distribution.log_prob(ops.zeros((), dtype=self.dtype))

    def mean(self) -> Tensor:
        return self._odds.complement() * self.distribution.mean()

    def variance(self) -> Tensor:
        mean, variance = self.distribution.mean(), self.distribution.variance()
        return self._odds.complement() * (variance + self.probs * ops.square(mean))

    def mode(self) -> Tensor:
        mode = self._broadcast(self.distribution.mode())
        is_zero = self._log_prob(ops.zeros_like(mode)) >= self._log_prob(mode)
        return ops.where(is_zero, ops.zeros_like(mode), mode)

    def entropy(self) -> Tensor:
        # Of all but the zeros, from the entropy inside; then the zeros of both kinds.
        inner_zero = self._inner_zero()
        zero = self.log_prob(ops.zeros((), dtype=self.dtype))
        inner_rest = self.distribution.entropy() + _x_log_x(inner_zero)
        not_zero = -ops.expm1(inner_zero)
        share = self._odds.complement()
        return share * inner_rest - share * self._odds.log_complement() * not_zero - _x_log_x(zero)

    def cdf(self, value: ArrayLike) -> Tensor:
        value = self._as_value(value)
        excess = ops.where(value >= 0, self.probs, ops.zeros_like(self.probs))
        return excess + self._odds.complement() * self.distribution.cdf(value)

    def quantile(self, probability: ArrayLike) -> Tensor:
        u, share = self._as_value(probability), self._odds.complement()
        share = ops.where(share > 0, share, ops.ones_like(share))
        # The excess lies at 0: below it the mass inside is met first, above it that comes second.
        below = self.distribution.quantile(ops.clip(u / share, 0.0, 1.0))
        above = self.distribution.quantile(ops.clip((u - self.probs) / share, 0.0, 1.0))
        return ops.where(below < 0, below, ops.maximum(above, 0.0))

    def astype(self, dtype: str) -> "ZeroInflated":
        if dtype == self.dtype:
            return self
        inner = self.distribution.astype(dtype)
        return ZeroInflated(inner, **self._given, dtype=dtype, validate=False)

    def _sliced(self, index: BatchIndex) -> "ZeroInflated":
        given = {name: index.of_tensor(tensor) for name, tensor in self._given.items()}
        inner = self.distribution._sliced(index)
        return ZeroInflated(inner, **given, dtype=self.dtype, validate=False)

    def _arguments(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {**parameters, "distribution": self.distribution}

    def _lacks_axes(self, index: FullRank) -> bool:
        return super()._lacks_axes(index) or self.distribution._lacks_axes(index)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "distribution": keras.saving.serialize_keras_object(self.distribution),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ZeroInflated":
        inner = keras.saving.deserialize_keras_object(config["distribution"])
        return super().from_config({**config, "distribution": inner})


def _log_add(a, b):
    """The logarithm of e^a + e^b; -inf for two of them, with gradients of 0."""
    high, low = ops.maximum(a, b), ops.minimum(a, b)
    none = ops.equal(high, -float("inf"))
    high = ops.where(none, ops.zeros_like(high), high)
    total = high + ops.log1p(ops.exp(low - high))
    return ops.where(none, ops.full_like(total, -float("inf")), total)


def _x_log_x(log_x):
    """The product x log x, given log x; 0 for -inf."""
    none = ops.equal(log_x, -float("inf"))
    safe = ops.where(none, ops.zeros_like(log_x), log_x)
    return ops.where(none, ops.zeros_like(log_x), ops.exp(safe) * safe)
