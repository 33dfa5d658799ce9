"""FillTriangular: from vectors onto lower-triangular matrices."""

import math
from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class FillTriangular(Bijector):
    r"""From vectors of $d (d + 1) / 2$ numbers to lower-triangular $d \times d$ matrices.

    The entries are only put in their places (in the order of TensorFlow Probability's
    `FillTriangular`, see `ops.fill_triangular`): the log-determinant is 0. For a positive diagonal
    see `CholeskyFactor`.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import FillTriangular
        >>> FillTriangular().forward([1.0, 2.0, 3.0])
        [[3., 0.], [2., 1.]]
    """

    is_affine = True
    event_rank = 1
    inverse_event_rank = 2
    domain = constraints.real_vector
    codomain = constraints.lower_triangular

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return ops.fill_triangular(x), ops.zeros_like(x[..., 0])

    def _inverse_and_log_det(self, y):
        return ops.fill_triangular_inverse(y), ops.zeros_like(y[..., 0, 0])

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return triangle_shape(self, super().forward_event_shape(shape))

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return vector_shape(self, super().inverse_event_shape(shape))


def triangle_shape(bijector: Bijector, shape: Shape, size: int = 0) -> Shape:
    """The shape of the matrices that are filled by vectors.

    Args:
        bijector: Which fills them, for the error.
        shape: The shape of the vectors.
        size: How many rows the matrix has more than the triangle that is filled.

    Returns:
        A shape of two axes more, less one.

    Raises:
        ValueError: No triangle has that many entries.
    """
    length = shape[-1]
    if length is None:
        return (*shape[:-1], None, None)
    rows = (math.isqrt(8 * length + 1) - 1) // 2
    if not length or rows * (rows + 1) // 2 != length:
        raise ValueError(
            f"{type(bijector).__name__}: maps vectors of 1, 3, 6, 10, ... entries, as many as a "
            f"triangle has, not values of shape {shape}."
        )
    return (*shape[:-1], rows + size, rows + size)


def vector_shape(bijector: Bijector, shape: Shape, size: int = 0) -> Shape:
    """The shape of the vectors that fill matrices.

    Args:
        bijector: Which fills them, for the error.
        shape: The shape of the matrices.
        size: How many rows the matrix has more than the triangle that is filled.

    Returns:
        A shape of one axis less.

    Raises:
        ValueError: The matrices are not square, or have too few rows.
    """
    rows, columns = shape[-2:]
    if rows is None or columns is None:
        return (*shape[:-2], None)
    if rows != columns or rows <= size:
        raise ValueError(
            f"{type(bijector).__name__}: gives square matrices of at least {size + 1} rows, not "
            f"values of shape {shape}."
        )
    return (*shape[:-2], (rows - size) * (rows - size + 1) // 2)
