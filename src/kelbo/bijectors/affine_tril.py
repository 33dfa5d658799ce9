"""AffineTriL: multiplies vectors by a lower-triangular matrix and adds a vector."""

from collections.abc import Sequence

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.scale_tril import ScaleTriL, check_size, multiply
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class AffineTriL(Bijector):
    r"""$y = L x + b$ for vectors $x$; the log-determinant is $\sum_i \log L_{ii}$.

    Of a standard normal vector it makes `MultivariateNormalTriL(shift, scale_tril)`.

    Args:
        shift: $b$, of shape (..., d).
        scale_tril: Lower-triangular $L$ with a positive diagonal, of shape (..., d, d).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `scale_tril` is not square, not lower triangular, or has a diagonal entry that
            is not positive; or the shapes do not fit.

    Example:
        >>> from kelbo.bijectors import AffineTriL
        >>> AffineTriL([1.0, 1.0], [[1.0, 0.0], [0.5, 2.0]]).forward([2.0, 1.0])
        [3., 4.]
    """

    parameters = {"shift": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    is_affine = True
    event_rank = 1
    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(
        self,
        shift: ArrayLike,
        scale_tril: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(shift=shift, scale_tril=scale_tril, dtype=dtype, validate=validate)
        size, rows = self.shift.shape[-1], self.scale_tril.shape[-1]
        if size != rows:
            raise ValueError(
                f"AffineTriL: shift has {size} entries, in the shape {tuple(self.shift.shape)}, "
                f"but scale_tril is {rows} x {rows}, in the shape {tuple(self.scale_tril.shape)}."
            )
        self._linear = ScaleTriL(self.scale_tril, validate=False)

    def _forward_and_log_det(self, x):
        y = multiply(self.scale_tril, x) + self.shift
        return y, self._linear._log_det(ops.shape(y)[:-1])

    def _inverse_and_log_det(self, y):
        return self._linear._inverse_and_log_det(y - self.shift)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return check_size(self, super().forward_event_shape(shape), self.scale_tril)

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)
