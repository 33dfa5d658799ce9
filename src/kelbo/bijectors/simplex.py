"""Simplex: from vectors onto probabilities, by breaking a stick."""

from collections.abc import Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class Simplex(Bijector):
    r"""From $d - 1$ numbers to $d$ probabilities that sum to 1, by breaking a stick.

    $$z_i = \sigma(x_i - \log(d - i)), \qquad
      y_i = z_i \prod_{j < i} (1 - z_j), \qquad y_d = \prod_{j < d} (1 - z_j)$$

    A share $z_1$ is broken off a stick of length 1, a share $z_2$ off what is left, and so on. The
    offset $\log(d - i)$ maps 0 to the centre $(1/d, \dots, 1/d)$.

    The Jacobian is that of the first $d - 1$ probabilities, which determine the last: its
    log-determinant is $\sum_{i=1}^{d} \log y_i$. All is computed from logarithms, and stays finite
    where a probability underflows. (What comes after it in a `Chain` adds its own log-determinant,
    as if all $d$ entries were free: put a map of single numbers before it, not behind.)

    TensorFlow Probability calls it `IteratedSigmoidCentered`. Source: the Stan reference manual,
    "Unit simplex transform"; M. Betancourt, "Cruising the simplex" (2012), arXiv:1010.3436.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import Simplex
        >>> [round(float(p), 4) for p in Simplex().forward([0.0, 0.0, 0.0])]
        [0.25, 0.25, 0.25, 0.25]
    """

    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.open_simplex

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        logits = x - _offset(x)
        log_kept = ops.cumsum(-ops.softplus(logits), axis=-1)  # log of what is left after i breaks
        log_before = ops.concatenate([ops.zeros_like(x[..., :1]), log_kept[..., :-1]], axis=-1)
        log_y = ops.concatenate([log_before - ops.softplus(-logits), log_kept[..., -1:]], axis=-1)
        return ops.exp(log_y), ops.sum(log_y, axis=-1)

    def _inverse_and_log_det(self, y):
        # What is left is summed from the end: subtracted from 1 it would lose its digits.
        left = ops.flip(ops.cumsum(ops.flip(y[..., 1:], axis=-1), axis=-1), axis=-1)
        log_y = ops.log(y)
        x = log_y[..., :-1] - ops.log(left)
        return x + _offset(x), -ops.sum(log_y, axis=-1)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().forward_event_shape(shape)
        if shape[-1] == 0:
            raise ValueError("Simplex: maps vectors of at least 1 entry, got none.")
        return (*shape[:-1], shape[-1] and shape[-1] + 1)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().inverse_event_shape(shape)
        if shape[-1] is not None and shape[-1] < 2:
            raise ValueError(
                f"Simplex: gives vectors of at least 2 probabilities, not the shape {shape}."
            )
        return (*shape[:-1], shape[-1] and shape[-1] - 1)


def _offset(x):
    """The logarithms of d - 1, ..., 1."""
    counts = np.arange(x.shape[-1], 0, -1, dtype="float64")
    return ops.convert_to_tensor(np.log(counts), dtype=x.dtype)
