"""ScaleTriL: multiplies vectors by a lower-triangular matrix."""

from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class ScaleTriL(Bijector):
    r"""$y = L x$ for vectors $x$; the log-determinant is $\sum_i \log L_{ii}$.

    Args:
        scale_tril: Lower-triangular $L$ with a positive diagonal, of shape (..., d, d).
        dtype: Floating dtype; None takes the parameter's own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale_tril` is not square, not lower triangular, or has a diagonal entry that
            is not positive.

    Example:
        >>> from kelbo.bijectors import ScaleTriL
        >>> ScaleTriL([[1.0, 0.0], [0.5, 2.0]]).forward([2.0, 1.0])
        [2., 3.]
    """

    parameters = {"scale_tril": constraints.lower_cholesky}
    is_affine = True
    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(self, scale_tril: ArrayLike, *, dtype: str | None = None, validate: bool = True):
        super().__init__(scale_tril=scale_tril, dtype=dtype, validate=validate)

    def _log_det(self, shape):
        diagonal = ops.diagonal(self.scale_tril, axis1=-2, axis2=-1)
        return ops.broadcast_to(ops.sum(ops.log(diagonal), axis=-1), shape)

    def _forward_and_log_det(self, x):
        y = multiply(self.scale_tril, x)
        return y, self._log_det(ops.shape(y)[:-1])

    def _inverse_and_log_det(self, y):
        x = ops.solve_triangular(self.scale_tril, y[..., None])[..., 0]
        return x, -self._log_det(ops.shape(x)[:-1])

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return check_size(self, super().forward_event_shape(shape), self.scale_tril)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)


def multiply(matrix: ArrayLike, x: ArrayLike) -> Tensor:
    """The product of a matrix, or a batch of them, with a batch of vectors.

    Args:
        matrix: Of shape (..., d, d).
        x: Of shape (..., d).

    Returns:
        A tensor of shape (..., d).
    """
    if len(matrix.shape) == 2:  # one product of matrices for the whole batch
        return ops.matmul(x, ops.transpose(matrix))
    return ops.matmul(matrix, x[..., None])[..., 0]


def check_size(bijector: Bijector, shape: Shape, matrix: ArrayLike) -> Shape:
    """The shape of a value, which must end in the number of rows of a matrix.

    Args:
        bijector: Whose matrix it is, for the error.
        shape: The shape.
        matrix: The matrix.

    Returns:
        The shape.

    Raises:
        ValueError: It ends in another number.
    """
    rows = matrix.shape[-1]
    if shape[-1] not in (None, rows):
        raise ValueError(
            f"{type(bijector).__name__}: scale_tril is {rows} x {rows}, so it maps vectors of "
            f"{rows} entries, not values of shape {shape}."
        )
    return shape
