"""The log-determinant of a matrix near the identity, less what is linear in it."""

from keras import ops

from kelbo.ops.linalg.factorization import cholesky
from kelbo.ops.linalg.triangular import add_to_diagonal, solve_triangular
from kelbo.ops.special.bregman import second_order_rest
from kelbo.typing import Tensor


def log_det_excess(change: Tensor, log_det: Tensor) -> Tensor:
    r"""The function $\mathrm{tr}\,K - \log\det(I + K)$ of symmetric matrices K, at least 0.

    It is the sum over the eigenvalues of what `excess` is of one, without the eigenvalues, whose
    derivatives are not finite where two are equal.

    Args:
        change: K, of shape (..., k, k), with I + K positive definite.
        log_det: $\log\det(I + K)$, for matrices that are not small.

    Returns:
        A tensor of shape (...).

    Example:
        >>> from kelbo import ops
        >>> from kelbo.ops.linalg.log_det_excess import log_det_excess
        >>> float(log_det_excess(1e-10 * ops.eye(2), 2e-10))
        1.000...e-20
    """
    near = ops.sum(ops.square(change), axis=(-2, -1)) < 0.25
    small = ops.where(near[..., None, None], change, ops.zeros_like(change))[..., None, :, :]

    def curvature(u):
        # The squared norm of (I + u K)^-1 K, made symmetric by the halves of the first.
        lower = cholesky(add_to_diagonal(u[:, None, None] * small, 1.0), name="I + K")
        half = solve_triangular(lower, small + ops.zeros_like(lower))
        whole = solve_triangular(lower, ops.swapaxes(half, -1, -2))
        return ops.sum(ops.square(whole), axis=(-2, -1))

    trace = ops.sum(ops.diagonal(change, axis1=-2, axis2=-1), axis=-1)
    return ops.where(near, second_order_rest(curvature, trace), trace - log_det)
