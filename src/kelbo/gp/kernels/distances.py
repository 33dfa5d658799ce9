"""Squared distances between rows, by products alone: never an array of n x m x d numbers."""

from kelbo import ops
from kelbo.typing import Tensor


def squared_distances(x: Tensor, y: Tensor | None = None) -> Tensor:
    r"""$\lVert x_i - y_j \rVert^2 = \lVert x_i \rVert^2 + \lVert y_j \rVert^2 - 2 x_i^\top y_j$.

    The rows are centred before, as far as it goes, since the three terms cancel where they are far
    from the origin and near to each other. Distances of the same row are exactly 0.

    Args:
        x: Tensor of shape (..., n, d).
        y: Tensor of shape (..., m, d), or None for x itself.

    Returns:
        A tensor of shape (..., n, m), nowhere negative.
    """
    center = ops.stop_gradient(ops.mean(x, axis=-2, keepdims=True))
    x = x - center
    same = y is None
    y = x if same else y - center
    norms = ops.sum(x * x, axis=-1)[..., :, None]
    others = norms if same else ops.sum(y * y, axis=-1)[..., :, None]
    squared = norms + ops.swapaxes(others, -1, -2) - 2.0 * ops.matmul(x, ops.swapaxes(y, -1, -2))
    is_apart = squared > 0
    if same:
        itself = ops.eye(ops.shape(x)[-2], dtype="bool")
        is_apart = ops.logical_and(is_apart, ops.logical_not(itself))
    return ops.where(is_apart, squared, ops.zeros_like(squared))


def root(squared: Tensor) -> Tensor:
    """The square root, with the slope 0 at 0, where that of a distance is taken to be.

    Args:
        squared: Tensor of numbers of at least 0.

    Returns:
        A tensor of the same shape.
    """
    is_zero = ops.equal(squared, 0)
    positive = ops.where(is_zero, ops.ones_like(squared), squared)
    return ops.where(is_zero, ops.zeros_like(squared), ops.sqrt(positive))
