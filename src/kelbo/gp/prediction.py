"""Moments of a process, from those of its whitened features."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo import ops
from kelbo.typing import Tensor


def moments(
    prior: Tensor,
    projections: Sequence[Tensor],
    means: Sequence[Tensor],
    roots: Sequence[Tensor | None],
    full_covariance: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Mean and variance of $f$ at inputs, where $w_b \sim N(m_b, R_b R_b^\top)$ for each block.

    $$\mathbb{E} f = \sum_b A_b^\top m_b, \qquad
      \mathrm{Cov} f = K - \sum_b A_b^\top A_b + \sum_b A_b^\top R_b R_b^\top A_b$$

    with $w_b$ standard normal before any data, $A_b = \mathrm{Cov}(w_b, f)$. Every posterior of
    this package is of this form: exact (one block, known exactly), collapsed, variational, and
    orthogonally decoupled (two blocks).

    Args:
        prior: $K$, of shape (n, n), or its diagonal, (n,).
        projections: $A_b$, of shape (M, n).
        means: $m_b$, of shape (latents, M).
        roots: $R_b$, of shape (latents, M, r), or its diagonal, (latents, M); None for what is
            known exactly.
        full_covariance: Whether `prior` is a matrix, and the covariance too.

    Returns:
        The mean, of shape (latents, n), without that of the mean function; the variance, of shape
        (latents, n), or the covariance, of shape (latents, n, n).
    """
    mean = sum(ops.matmul(m, a) for m, a in zip(means, projections, strict=True))
    left = prior - sum(_square(a, full_covariance) for a in projections)
    variance = left[None]
    for a, root in zip(projections, roots, strict=True):
        if root is not None:
            is_diagonal = len(root.shape) == 2
            explained = root[..., None] * a if is_diagonal else ops.matmul(_transposed(root), a)
            variance = variance + _square(explained, full_covariance)
    if not full_covariance:
        # What is left of equal numbers is rounding.
        smallest = _epsilon(prior.dtype) * prior
        variance = ops.maximum(variance, smallest)
    return mean, variance


def _square(a, full_covariance):
    """AᵀA, or its diagonal."""
    if full_covariance:
        return ops.matmul(_transposed(a), a)
    return ops.sum(a * a, axis=-2)


def _transposed(a):
    return ops.swapaxes(a, -1, -2)


def _epsilon(dtype: Any) -> float:
    return {"float64": 2.3e-16}.get(keras.backend.standardize_dtype(dtype), 1.2e-7)


def as_matrix(root: Tensor) -> Tensor:
    """A root as a matrix, also where only its diagonal is there.

    Args:
        root: Of shape (latents, M, r), or the diagonal of one, (latents, M).

    Returns:
        A tensor of three axes.
    """
    if len(root.shape) == 3:
        return root
    return root[..., None] * ops.eye(root.shape[-1], dtype=root.dtype)


def divergence(means: Sequence[Tensor], roots: Sequence[Tensor]) -> Tensor:
    r"""The divergence of whitened features from the prior, in nats, summed over all of them.

    $$\sum_b \tfrac12 \left( \lVert m_b \rVert^2 + \lVert R_b \rVert^2 - M_b \right)
      - \log \lvert \det R_b \rvert$$

    Args:
        means: $m_b$, of shape (latents, M).
        roots: $R_b$: lower triangular, of shape (latents, M, M), or its diagonal, (latents, M).

    Returns:
        A scalar tensor.
    """
    total = 0.0
    for mean, root in zip(means, roots, strict=True):
        diagonal = root
        if len(root.shape) == len(mean.shape) + 1:
            diagonal = ops.diagonal(root, axis1=-2, axis2=-1)
        squares = ops.sum(mean * mean) + ops.sum(root * root)
        # Together, term by term: near the prior the parts cancel.
        total = total + 0.5 * (squares - ops.sum(ops.log(diagonal * diagonal) + 1.0))
    return total
