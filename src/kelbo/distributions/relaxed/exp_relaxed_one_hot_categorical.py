"""The logarithm of a relaxed one-hot vector."""

from kelbo import ops
from kelbo.distributions.probabilities import OfProbabilities
from kelbo.ops.special.counts import minus_infinity_where
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor

# Of rounding: a logarithm of almost 1 may come out above 0.
TOLERANCE = 1e-4


@registered
class ExpRelaxedOneHotCategorical(OfProbabilities):
    r"""Distribution of the logarithm of a `RelaxedOneHotCategorical` vector.

    $$y_k = \frac{\eta_k + G_k}{\lambda} - \log \sum_j \exp\frac{\eta_j + G_j}{\lambda}, \qquad
      p(y) = (K - 1)!\, \lambda^{K - 1}
             \frac{\prod_k \exp(\eta_k - \lambda y_k)}{(\sum_k \exp(\eta_k - \lambda y_k))^K}$$

    with Gumbel noise $G_k$, over vectors $y$ with $\sum_k e^{y_k} = 1$ (Maddison, Mnih and Teh,
    2017, "The concrete distribution", appendix C). Nothing underflows at low temperatures, where
    entries of the relaxed vector itself round to 0: a ratio of two densities at a sample, as in an
    evidence lower bound, is best computed with this one. Its density is that of the relaxed vector
    $x = e^y$ times $\prod_k x_k$: with respect to the $K - 1$ log ratios $y_k - y_K$. There are no
    closed forms for moments.

    Args:
        temperature: $\lambda > 0$.
        logits: Log probabilities $\eta$ up to a constant, of shape (..., K).
        probs: Probabilities, of shape (..., K), greater than 0, which sum to 1. Give one of the
            two.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: Not exactly one of `logits` and `probs`, probabilities that are not positive or
            do not sum to 1, or a temperature that is not positive.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.distributions import ExpRelaxedOneHotCategorical
        >>> d = ExpRelaxedOneHotCategorical(temperature=0.1, logits=[0.0, 1.0, 2.0])
        >>> bool(ops.all(ops.isfinite(d.sample((100,), seed=0))))
        True
    """

    parameters = {
        "temperature": constraints.positive,
        "logits": constraints.real_vector,
        "probs": constraints.open_simplex,
    }
    support = constraints.log_simplex
    reparameterized = True

    def __init__(
        self,
        temperature: ArrayLike,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        self._take(logits, probs, dtype, validate, temperature=temperature)

    def _logits_and_probs(self):
        if self._by_logits:
            return self.logits, ops.softmax(self.logits, axis=-1)
        return ops.log(self.probs), self.probs

    @property
    def event_shape(self) -> Shape:
        return (self.logits.shape[-1],)

    def _reference(self):
        return self.logits + ops.expand_dims(self.temperature, -1)

    def _sample(self, shape, seed):
        noise = ops.random.gumbel(shape, dtype=self.dtype, seed=seed)
        warm = (self.logits + noise) / ops.expand_dims(self.temperature, -1)
        return ops.log_softmax(warm, axis=-1)

    def _log_prob(self, value):
        is_zero, is_above = ops.equal(value, -float("inf")), value > TOLERANCE
        outside = ops.any(ops.logical_or(is_zero, is_above), axis=-1)
        value = ops.where(ops.expand_dims(outside, -1), ops.zeros_like(value), value)
        return minus_infinity_where(outside, self.log_density(value))

    def log_density(self, y: ArrayLike) -> Tensor:
        """The formula of `log_prob`, without a check of the support.

        Args:
            y: Finite values.

        Returns:
            A tensor without the last axis of `y`.
        """
        classes = self.event_shape[0]
        score = self.logits - ops.expand_dims(self.temperature, -1) * y
        constant = ops.lgamma(ops.convert_to_tensor(classes, dtype=self.dtype))
        constant = constant + (classes - 1) * ops.log(self.temperature)
        # As a sum of log probabilities: each is at most 0, and no large numbers cancel.
        return constant + ops.sum(ops.log_softmax(score, axis=-1), axis=-1)
