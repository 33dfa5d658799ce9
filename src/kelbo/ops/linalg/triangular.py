"""Triangular matrices: solving with them, filling them, their determinants."""

import math

from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def solve_triangular(a: Tensor, b: Tensor, lower: bool = True, transpose: bool = False) -> Tensor:
    """Solve a x = b, or aᵀ x = b, for triangular a.

    The rule for the right-hand side is that of NumPy 2: a `b` with one axis is a vector, any other
    is a batch of matrices, of shape (..., n, k). For a batch of vectors write
    `solve_triangular(a, b[..., None])[..., 0]`. Batch axes broadcast; a single `a` with a batch of
    right-hand sides is one solve with many columns, and is not copied.

    Unlike `keras.ops.solve_triangular`, `lower` is True by default.

    Args:
        a: A tensor of shape (..., n, n); the other triangle is not read.
        b: A tensor of shape (n,) or (..., n, k).
        lower: Whether the lower triangle of `a` holds the matrix, else the upper one.
        transpose: Whether to solve with the transpose of `a`.

    Returns:
        A tensor of shape (..., n) for a vector, (..., n, k) for matrices.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> from kelbo import ops
        >>> ops.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0])
        [1., 2.]
    """
    a, b = as_floats(a, b)
    _check_shapes(a, b)
    if len(b.shape) == 1:
        return backend.solve_triangular(a, b[:, None], lower, transpose)[..., 0]
    if len(a.shape) == 2 and len(b.shape) > 2:
        columns = ops.moveaxis(b, -2, 0)
        flat = ops.reshape(columns, (a.shape[-1], -1))
        solution = backend.solve_triangular(a, flat, lower, transpose)
        return ops.moveaxis(ops.reshape(solution, ops.shape(columns)), 0, -2)
    return backend.solve_triangular(a, b, lower, transpose)


def _check_shapes(a, b):
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"The triangular matrix must have the shape (..., n, n), not {tuple(a.shape)}."
        )
    n = a.shape[-1]
    rows = b.shape[max(len(b.shape) - 2, 0)] if len(b.shape) else None
    if not len(b.shape) or (rows is not None and n is not None and rows != n):
        raise ValueError(
            f"The right-hand side must have the shape ({n},) or (..., {n}, k), not "
            f"{tuple(b.shape)}; for a batch of vectors pass b[..., None]."
        )


@symbolic
def cho_solve(lower_factor: Tensor, b: Tensor) -> Tensor:
    """Solve A x = b, given the Cholesky factor L of A = L Lᵀ.

    Args:
        lower_factor: L, of shape (..., n, n); its upper triangle is not read.
        b: A tensor of shape (n,) or (..., n, k), by the rule of `solve_triangular`.

    Returns:
        A tensor of shape (..., n) for a vector, (..., n, k) for matrices.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> from kelbo import ops
        >>> ops.cho_solve(ops.cholesky([[4.0, 0.0], [0.0, 1.0]]), [4.0, 3.0])
        [1., 3.]
    """
    lower_factor, b = as_floats(lower_factor, b)
    is_vector = len(b.shape) == 1
    half = solve_triangular(lower_factor, b[:, None] if is_vector else b)
    solution = solve_triangular(lower_factor, half, transpose=True)
    return solution[..., 0] if is_vector else solution


@symbolic
def fill_triangular(x: Tensor) -> Tensor:
    """The lower-triangular matrix filled with the elements of a vector.

    In the order of TensorFlow Probability's `fill_triangular`, clockwise from the end:
    [1, 2, 3, 4, 5, 6] gives [[4, 0, 0], [6, 5, 0], [3, 2, 1]]. It takes a concatenation and a
    reshape, no gather.

    Args:
        x: A tensor of shape (..., n (n + 1) / 2).

    Returns:
        A tensor of shape (..., n, n).

    Raises:
        ValueError: If the last axis has not the length n (n + 1) / 2 of any n.

    Example:
        >>> from kelbo import ops
        >>> ops.fill_triangular([1.0, 2.0, 3.0])
        [[3., 0.], [2., 1.]]
    """
    (x,) = as_floats(x)
    length = x.shape[-1] if len(x.shape) else 0
    n = (math.isqrt(8 * length + 1) - 1) // 2
    if not length or n * (n + 1) // 2 != length:
        raise ValueError(
            "fill_triangular needs vectors of length n (n + 1) / 2 (1, 3, 6, 10, ...), not the "
            f"shape {tuple(x.shape)}."
        )
    square = ops.concatenate([x[..., n:], ops.flip(x, axis=-1)], axis=-1)
    return ops.tril(ops.reshape(square, (*ops.shape(x)[:-1], n, n)))


@symbolic
def fill_triangular_inverse(matrix: Tensor) -> Tensor:
    """The vector from which `fill_triangular` makes a matrix.

    Args:
        matrix: A tensor of shape (..., n, n); the part above its diagonal is not read.

    Returns:
        A tensor of shape (..., n (n + 1) / 2).

    Raises:
        ValueError: If the matrices are not square.

    Example:
        >>> from kelbo import ops
        >>> ops.fill_triangular_inverse([[3.0, 0.0], [2.0, 1.0]])
        [1., 2., 3.]
    """
    (matrix,) = as_floats(matrix)
    if len(matrix.shape) < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            f"fill_triangular_inverse needs the shape (..., n, n), not {tuple(matrix.shape)}."
        )
    n = matrix.shape[-1]
    matrix = ops.tril(matrix)
    # The rows above the last hold the rest of the vector, half of it turned by 180 degrees.
    above = matrix[..., :-1, :]
    rest = above + ops.flip(above, axis=(-2, -1))
    rest = ops.reshape(rest, (*ops.shape(matrix)[:-2], n * (n - 1)))
    last_row = ops.flip(matrix[..., -1, :], axis=-1)
    return ops.concatenate([last_row, rest[..., : n * (n - 1) // 2]], axis=-1)


@symbolic
def log_det_from_cholesky(lower_factor: Tensor) -> Tensor:
    """The log-determinant of A = L Lᵀ: 2 Σ log |L_ii|.

    Args:
        lower_factor: L, of shape (..., n, n).

    Returns:
        A tensor of shape (...).

    Example:
        >>> from kelbo import ops
        >>> float(ops.log_det_from_cholesky([[2.0, 0.0], [1.0, 1.0]]))  # log 4
        1.386...
    """
    (lower_factor,) = as_floats(lower_factor)
    diagonal = ops.diagonal(lower_factor, axis1=-2, axis2=-1)
    return 2.0 * ops.sum(ops.log(ops.abs(diagonal)), axis=-1)


@symbolic
def add_to_diagonal(a: Tensor, value: Tensor) -> Tensor:
    """A matrix with `value` added to its diagonal: a + diag(value).

    Args:
        a: A tensor of shape (..., n, n).
        value: A scalar, or a tensor that broadcasts against the diagonals, of shape (..., n). For
            one scalar per matrix pass value[..., None].

    Returns:
        A tensor of the broadcast shape (..., n, n).

    Example:
        >>> from kelbo import ops
        >>> ops.add_to_diagonal([[1.0, 2.0], [3.0, 4.0]], 0.5)
        [[1.5, 2.], [3., 4.5]]
    """
    a, value = as_floats(a, value)
    identity = ops.eye(ops.shape(a)[-1], dtype=a.dtype)
    return a + identity * (value[..., None] if len(value.shape) else value)
