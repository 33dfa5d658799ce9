"""Cholesky factors that follow their matrix: low-rank changes, and further rows."""

from kelbo.ops import elementary as ops
from kelbo.ops.autodiff.pullbacks import with_pullback
from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.linalg.factorization import CholeskyError, cholesky
from kelbo.ops.linalg.triangular import solve_triangular
from kelbo.ops.scanning import scan
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def cholesky_update(lower_factor: Tensor, u: Tensor, downdate: bool = False) -> Tensor:
    r"""The Cholesky factor of $L L^\top + U U^\top$, or of $L L^\top - U U^\top$, from L and U.

    In $O(n^2 m)$ where factoring anew costs $O(n^3)$: one Householder reflection for each column
    (a hyperbolic one to take away), of all columns of $U$ at once. (Golub and Van Loan, 2013,
    "Matrix computations", sec. 6.5.4; Stewart, 1979, for the hyperbolic ones.)

    It is differentiated by the rule of a Cholesky factor: once on TensorFlow and PyTorch.

    Args:
        lower_factor: L, of shape (..., n, n), with a positive diagonal; its upper triangle is not
            read.
        u: U, of shape (..., n, m), or (n,) for one column. Batch axes broadcast.
        downdate: Whether $U U^\top$ is taken away.

    Returns:
        A tensor of shape (..., n, n), lower triangular with a positive diagonal.

    Raises:
        ValueError: If the shapes do not fit.
        CholeskyError: If what is left is not positive definite, outside compiled code; in compiled
            code the factor is NaN from there on.

    Example:
        >>> from kelbo import ops
        >>> ops.cholesky_update([[2.0, 0.0], [0.0, 3.0]], [0.0, 4.0])
        [[2., 0.], [0., 5.]]
    """
    lower_factor, u = as_floats(lower_factor, u)
    n = lower_factor.shape[-1]
    if len(lower_factor.shape) < 2 or lower_factor.shape[-2] != n:
        raise ValueError(
            f"cholesky_update needs a factor of shape (..., n, n), not {tuple(lower_factor.shape)}."
        )
    u = u[:, None] if len(u.shape) == 1 else u
    if len(u.shape) < 2 or u.shape[-2] != n:
        raise ValueError(
            f"cholesky_update: u must have the shape ({n},) or (..., {n}, m), not {tuple(u.shape)}."
        )
    batch = ops.shape(lower_factor[..., 0, 0] + u[..., 0, 0])
    lower_factor = ops.broadcast_to(lower_factor, (*batch, *lower_factor.shape[-2:]))
    u = ops.broadcast_to(u, (*batch, *u.shape[-2:]))
    found = (_downdated if downdate else _updated)(ops.tril(lower_factor), u)
    if downdate and backend.known_truth(ops.all(ops.isfinite(found))) is False:
        raise CholeskyError(
            "cholesky_update: L L' - U U' is not positive definite, so it has no Cholesky factor: "
            "more is taken away than there is."
        )
    return found


def _rule(sign):
    def forward(lower, u):
        found = _reflected(lower, u, sign)
        return found, (lower, u, found)

    def pullback(residuals, cotangent):
        lower, u, found = residuals
        inner = ops.tril(ops.matmul(ops.swapaxes(found, -1, -2), cotangent))
        inner = inner * (1.0 - 0.5 * ops.eye(inner.shape[-1], dtype=inner.dtype))
        inner = inner + ops.swapaxes(inner, -1, -2)
        # L^-T (P + P') L^-1, which is symmetric.
        half = solve_triangular(found, inner, transpose=True)
        of_matrix = solve_triangular(found, ops.swapaxes(half, -1, -2), transpose=True)
        return ops.tril(ops.matmul(of_matrix, lower)), sign * ops.matmul(of_matrix, u)

    return with_pullback(forward, pullback)


def _reflected(lower, u, sign):
    """Column by column: [l, W] times the reflection that makes row k of it [r, 0]."""

    def advance(w, column):
        k, diagonal = column[0], column[1]
        row = ops.take(w, k, axis=-2)
        pivot = ops.take(diagonal, k, axis=-1)
        r = ops.sqrt(pivot * pivot + sign * ops.sum(row * row, axis=-1))
        product = diagonal * (pivot + r)[..., None] + sign * ops.sum(w * row[..., None, :], axis=-1)
        rest = w - product[..., None] * (row / (r * (r + pivot))[..., None])[..., None, :]
        return rest, product / r[..., None] - diagonal

    columns = ops.moveaxis(lower, -1, 0)
    _, found = scan(advance, u, (ops.arange(lower.shape[-1]), columns))
    return ops.tril(ops.moveaxis(found, 0, -1))


_updated, _downdated = _rule(1.0), _rule(-1.0)


@symbolic
def cholesky_append(lower_factor: Tensor, cross: Tensor, corner: Tensor) -> Tensor:
    r"""The Cholesky factor of a matrix with further rows and columns, in bordered form.

    $$\begin{pmatrix} A & B \\ B^\top & C \end{pmatrix} = M M^\top, \qquad
      M = \begin{pmatrix} L & 0 \\ (L^{-1} B)^\top & R \end{pmatrix}, \quad
      R R^\top = C - B^\top A^{-1} B$$

    In $O(n^2 m)$ where factoring anew costs $O((n + m)^3)$.

    Args:
        lower_factor: L with $A = L L^\top$, of shape (..., n, n).
        cross: B, of shape (..., n, m).
        corner: C, of shape (..., m, m).

    Returns:
        A tensor of shape (..., n + m, n + m).

    Raises:
        ValueError: If the shapes do not fit.
        CholeskyError: If the whole is not positive definite, outside compiled code.

    Example:
        >>> from kelbo import ops
        >>> ops.cholesky_append([[2.0]], [[2.0]], [[2.0]])
        [[2., 0.], [1., 1.]]
    """
    lower_factor, cross, corner = as_floats(lower_factor, cross, corner)
    n, m = cross.shape[-2:] if len(cross.shape) > 1 else (None, None)
    if tuple(lower_factor.shape[-2:]) != (n, n) or tuple(corner.shape[-2:]) != (m, m):
        raise ValueError(
            "cholesky_append needs the shapes (..., n, n), (..., n, m) and (..., m, m), not "
            f"{tuple(lower_factor.shape)}, {tuple(cross.shape)} and {tuple(corner.shape)}."
        )
    border = ops.swapaxes(solve_triangular(lower_factor, cross), -1, -2)
    left = corner - ops.matmul(border, ops.swapaxes(border, -1, -2))
    block = cholesky(left, name="what the further rows add")
    top = ops.concatenate([lower_factor, ops.zeros_like(cross)], axis=-1)
    return ops.concatenate([top, ops.concatenate([border, block], axis=-1)], axis=-2)
