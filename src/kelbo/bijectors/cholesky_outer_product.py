"""CholeskyOuterProduct: from Cholesky factors onto positive-definite matrices."""

from collections.abc import Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.fill_triangular import vector_shape
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered


@registered
class CholeskyOuterProduct(Bijector):
    r"""$Y = L L^\top$, from Cholesky factors to positive-definite matrices.

    The Jacobian is that of the lower triangle of $Y$ by that of $L$: its log-determinant is
    $d \log 2 + \sum_{i=1}^{d} (d - i + 1) \log L_{ii}$ (R. J. Muirhead, "Aspects of Multivariate
    Statistical Theory", 1982, theorem 2.1.9). The inverse is the Cholesky factorisation.

    Args:
        dtype: Floating dtype of what is computed from Python numbers; None takes Keras' default.
        validate: Nothing is checked; taken for the sake of one signature.

    Example:
        >>> from kelbo.bijectors import CholeskyOuterProduct
        >>> CholeskyOuterProduct().forward([[2.0, 0.0], [1.0, 1.0]])
        [[4., 2.], [2., 2.]]
    """

    event_rank = 2
    domain = constraints.lower_cholesky
    codomain = constraints.positive_definite

    def __init__(self, *, dtype: str | None = None, validate: bool = True):
        super().__init__(dtype=dtype, validate=validate)

    def _forward_and_log_det(self, x):
        return ops.matmul(x, ops.swapaxes(x, -1, -2)), _log_det(x)

    def _inverse_and_log_det(self, y):
        x = ops.cholesky(y, max_tries=0, name="the value given to CholeskyOuterProduct")
        return x, -_log_det(x)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().forward_event_shape(shape)
        vector_shape(self, shape)
        return shape

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)


def _log_det(factor):
    size = factor.shape[-1]
    weights = ops.convert_to_tensor(np.arange(size, 0, -1, dtype="float64"), dtype=factor.dtype)
    log_diagonal = ops.log(ops.diagonal(factor, axis1=-2, axis2=-1))
    return size * np.log(2.0).item() + ops.sum(weights * log_diagonal, axis=-1)
