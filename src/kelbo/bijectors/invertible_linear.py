"""InvertibleLinear: a full matrix in its LU form."""

from collections.abc import Sequence

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.monotone_system import vector_times_matrix
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


# The layer of that name is saved under it.
@registered
class InvertibleLinear(Bijector):
    r"""$y = P L (U + \operatorname{diag}(s))\, x$, a matrix whose determinant costs nothing.

    $P$ is a permutation, $L$ lower triangular with ones on its diagonal, $U$ strictly upper
    triangular: $\log\lvert\det\rvert = \sum_i \log\lvert s_i\rvert$. On images it acts on the
    channels of each pixel: the invertible 1 x 1 convolution of Kingma and Dhariwal (2018, eq. 10).
    The inverse is closed: two triangular solves.

    Args:
        lower: Square matrix whose part below the diagonal is that of $L$, of shape (..., D, D); the
            rest is not read.
        upper: Square matrix whose part above the diagonal is $U$; the rest is not read.
        diagonal: The numbers $s$, not 0, of shape (..., D).
        permutation: For each entry of the result, its place before P is applied: a permutation of
            0, ..., D - 1. None for the order as it is.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: An entry of `diagonal` is 0, `permutation` is none, or the shapes do not fit.

    Example:
        >>> from kelbo.bijectors import InvertibleLinear
        >>> import numpy as np
        >>> swap = InvertibleLinear(np.eye(2), np.eye(2), [2.0, 3.0], permutation=[1, 0])
        >>> swap.forward([1.0, 1.0])
        [3., 2.]
    """

    parameters = {
        "lower": constraints.real_matrix,
        "upper": constraints.real_matrix,
        "diagonal": constraints.real_vector,
    }
    event_rank = 1
    domain = codomain = constraints.real_vector

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        diagonal: ArrayLike,
        permutation: Sequence[int] | None = None,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            lower=lower, upper=upper, diagonal=diagonal, dtype=dtype, validate=validate
        )
        size = self.diagonal.shape[-1]
        self.permutation = None if permutation is None else tuple(int(i) for i in permutation)
        is_square = all(tuple(t.shape[-2:]) == (size, size) for t in (self.lower, self.upper))
        if not is_square:
            shapes = ", ".join(f"{n} {tuple(t.shape)}" for n, t in self._given.items())
            raise ValueError(
                "InvertibleLinear: the shapes must be lower and upper (..., D, D) and diagonal "
                f"(..., D); got {shapes}."
            )
        if self.permutation is not None and sorted(self.permutation) != list(range(size)):
            raise ValueError(
                f"InvertibleLinear: permutation must hold each of 0, ..., {size - 1} once, got "
                f"{self.permutation}."
            )

    def _validate_values(self):
        super()._validate_values()
        has_zero = ops.any(ops.equal(self.diagonal, 0))
        if ops.is_concrete(has_zero) and bool(has_zero):
            raise ValueError(
                "InvertibleLinear: diagonal must be other than 0; one of its entries is 0, and the "
                "matrix has no inverse."
            )

    def _arguments(self, parameters):
        return {**parameters, "permutation": self.permutation}

    def _matrices(self):
        identity = ops.eye(self.diagonal.shape[-1], dtype=self.dtype)
        lower = ops.tril(self.lower, -1) + identity
        upper = ops.triu(self.upper, 1) + identity * self.diagonal[..., None]
        return lower, upper

    def _log_det(self, value):
        log_det = ops.sum(ops.log(ops.abs(self.diagonal)), axis=-1)
        return ops.broadcast_to(log_det, ops.shape(value)[:-1])

    def _forward_and_log_det(self, x):
        lower, upper = self._matrices()
        y = vector_times_matrix(x, ops.swapaxes(ops.matmul(lower, upper), -1, -2))
        if self.permutation is not None:
            y = ops.take(y, np.array(self.permutation), axis=-1)
        return y, self._log_det(y)

    def _inverse_and_log_det(self, y):
        lower, upper = self._matrices()
        if self.permutation is not None:
            y = ops.take(y, np.argsort(self.permutation), axis=-1)
        half = ops.solve_triangular(lower, y[..., None])
        x = ops.solve_triangular(upper, half, lower=False)[..., 0]
        return x, -self._log_det(x)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape, size = super().forward_event_shape(shape), self.diagonal.shape[-1]
        if shape[-1] not in (None, size):
            raise ValueError(
                f"InvertibleLinear: the map is one of vectors of {size} entries, which does not "
                f"fit values of shape {shape}."
            )
        return shape

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)
