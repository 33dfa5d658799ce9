"""Ordered: from vectors onto those with increasing entries."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered


@registered
class Ordered(Bijector):
    r"""$y_1 = x_1$ and $y_i = y_{i-1} + e^{x_i}$: vectors with increasing entries.

    The log-determinant is $\sum_{i \ge 2} x_i$. TensorFlow Probability calls it `Ascending`.

    (Stan Development Team, 2024, "Stan reference manual", section "Ordered vector".)

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Ordered
        >>> Ordered().forward([5.0, 0.0, 0.0])
        [5., 6., 7.]
    """

    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.ordered

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        log_steps = x[..., 1:]
        steps = ops.concatenate([x[..., :1], ops.exp(log_steps)], axis=-1)
        return ops.cumsum(steps, axis=-1), ops.sum(log_steps, axis=-1)

    def _inverse_and_log_det(self, y):
        log_steps = ops.log(y[..., 1:] - y[..., :-1])
        return ops.concatenate([y[..., :1], log_steps], axis=-1), -ops.sum(log_steps, axis=-1)
