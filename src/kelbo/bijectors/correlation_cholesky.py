"""CorrelationCholesky: from vectors onto Cholesky factors of correlation matrices."""

from collections.abc import Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.fill_triangular import triangle_shape, vector_shape
from kelbo.bijectors.tanh import log_slope_of_tanh
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class CorrelationCholesky(Bijector):
    r"""From $d (d - 1) / 2$ numbers to Cholesky factors of $d \times d$ correlation matrices.

    With $t_{ij} = \tanh x_{ij}$ for $j < i$, the partial correlations,

    $$L_{ij} = t_{ij} \prod_{k < j} \sqrt{1 - t_{ik}^2}, \qquad
      L_{ii} = \prod_{k < i} \sqrt{1 - t_{ik}^2}$$

    so that each row has length 1. The vector fills what is below the diagonal, in the order of
    `ops.fill_triangular`; 0 is mapped to the identity. The Jacobian is that of the entries below
    the diagonal: its log-determinant is
    $\sum_{j < i} (1 + \tfrac12 (i - 1 - j)) \log(1 - t_{ij}^2)$.

    Source: D. Lewandowski, D. Kurowicka and H. Joe, "Generating random correlation matrices based
    on vines and extended onion method" (2009); the Stan reference manual, "Cholesky factors of
    correlation matrices". TensorFlow Probability's `CorrelationCholesky` is another map.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import CorrelationCholesky
        >>> CorrelationCholesky().forward([0.0])
        [[1., 0.], [0., 1.]]
    """

    event_rank = 1
    inverse_event_rank = 2
    domain = constraints.real_vector
    codomain = constraints.correlation_cholesky

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        raw = _below_diagonal(ops.fill_triangular(x))
        log_left = log_slope_of_tanh(raw)  # log(1 - t^2), and 0 where nothing is filled
        log_left = ops.where(_strict_triangle(raw), log_left, ops.zeros_like(log_left))
        log_before = ops.cumsum(log_left, axis=-1) - log_left
        unit = ops.eye(raw.shape[-1], dtype=raw.dtype)
        y = ops.tril((ops.tanh(raw) + unit) * ops.exp(0.5 * log_before))
        return y, ops.sum(_weights(raw) * log_left, axis=(-2, -1))

    def _inverse_and_log_det(self, y):
        # The squares of a row from each place to its end: what was left when it was filled.
        squares = ops.square(y)
        left = ops.flip(ops.cumsum(ops.flip(squares, axis=-1), axis=-1), axis=-1)
        after = ops.concatenate([left[..., 1:], ops.zeros_like(left[..., :1])], axis=-1)
        strict = _strict_triangle(y)
        after = ops.where(strict, after, ops.ones_like(after))
        left = ops.where(strict, left, ops.ones_like(left))
        # t / sqrt(1 - t^2) = y / sqrt(after), and atanh(t) = asinh(t / sqrt(1 - t^2)).
        x = ops.arcsinh(y / ops.sqrt(after))
        log_det = -ops.sum(_weights(y) * (ops.log(after) - ops.log(left)), axis=(-2, -1))
        return ops.fill_triangular_inverse(x[..., 1:, :-1]), log_det

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return triangle_shape(self, super().forward_event_shape(shape), size=1)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return vector_shape(self, super().inverse_event_shape(shape), size=1)


def _below_diagonal(matrix):
    """A matrix of one row and one column more, with this one in its lower left corner."""
    return ops.pad(matrix, [[0, 0]] * (len(matrix.shape) - 2) + [[1, 0], [0, 1]])


def _strict_triangle(matrix):
    size = matrix.shape[-1]
    return ops.convert_to_tensor(np.tri(size, k=-1, dtype="bool"))


def _weights(matrix):
    """How often log(1 - t_ij^2) is in the log-determinant: 1 + (i - 1 - j) / 2 for j < i."""
    rows, columns = np.indices(matrix.shape[-2:])
    weights = np.where(columns < rows, 1.0 + 0.5 * (rows - 1 - columns), 0.0)
    return ops.convert_to_tensor(weights, dtype=matrix.dtype)
