r"""Factors F of covariance matrices, $\Sigma = F F^\top$: draws, distances and determinants.

A multivariate normal is a mean and one of these; each computes at the cost that its form allows.
Vectors lie along the last axis; batches broadcast.
"""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.ops import elementary as ops
from kelbo.ops.linalg.factorization import cholesky
from kelbo.ops.linalg.log_det_excess import log_det_excess
from kelbo.ops.linalg.triangular import (
    add_to_diagonal,
    cho_solve,
    log_det_from_cholesky,
    solve_triangular,
)
from kelbo.ops.special.bregman import excess
from kelbo.ops.special.normal_divergence import normal_divergence
from kelbo.ops.special.ratio import ratio
from kelbo.typing import Tensor


class DiagonalFactor:
    r"""$\Sigma = \mathrm{diag}(s)^2$.

    Args:
        scale: $s > 0$, of shape (..., d).

    Example:
        >>> from kelbo.ops.linalg.covariance_factors import DiagonalFactor
        >>> from kelbo import ops
        >>> float(DiagonalFactor(ops.convert_to_tensor([1.0, 2.0])).half_log_det())
        0.6931...
    """

    def __init__(self, scale: Tensor):
        self.scale = scale

    def sample(self, shape: Sequence[int], seed: Any) -> Tensor:
        """Draws of mean 0."""
        dtype = keras.backend.standardize_dtype(self.scale.dtype)
        return self.scale * keras.random.normal(shape, dtype=dtype, seed=seed)

    def squared_distance(self, x: Tensor) -> Tensor:
        r"""$x^\top \Sigma^{-1} x$."""
        return ops.sum(ops.square(ratio(x, self.scale)), axis=-1)

    def half_log_det(self) -> Tensor:
        r"""$\tfrac12 \log \det \Sigma$."""
        return ops.sum(ops.log(self.scale), axis=-1)

    def variance(self) -> Tensor:
        r"""The diagonal of $\Sigma$."""
        return ops.square(self.scale)

    def matrix(self) -> Tensor:
        """F, of shape (..., d, d)."""
        return self.scale[..., None] * ops.eye(self.scale.shape[-1], dtype=self.scale.dtype)

    def covariance(self) -> Tensor:
        r"""$\Sigma$, of shape (..., d, d)."""
        variance = self.variance()
        return variance[..., None] * ops.eye(variance.shape[-1], dtype=variance.dtype)

    def _like(self, other: "LowRankFactor") -> "LowRankFactor":
        """The same covariance, with as many columns as another one, of zeros."""
        return LowRankFactor(ops.square(self.scale), ops.zeros_like(other.columns))

    def trace_of_ratio(self, other: Any) -> Tensor:
        r"""$\mathrm{tr}(\Sigma^{-1} \Sigma')$, where $\Sigma'$ is that of another factor."""
        if isinstance(other, DiagonalFactor):
            return ops.sum(ops.square(ratio(other.scale, self.scale)), axis=-1)
        return ops.sum(other.variance() / self.variance(), axis=-1)

    def divergence(self, other: Any) -> Tensor:
        """Of the normal distribution of another factor from that of this one, with equal means."""
        if isinstance(other, LowRankFactor):
            return _divergence_of_low_ranks(self._like(other), other)
        if isinstance(other, DiagonalFactor):
            none = ops.zeros_like(self.scale)
            return ops.sum(normal_divergence(none, other.scale, self.scale), axis=-1)
        scale = self.scale[..., None]
        return _divergence_of_triangles(
            ratio(other.matrix() - self.matrix(), scale), self.scale, other
        )


class TriangularFactor:
    r"""$\Sigma = L L^\top$, L lower triangular.

    Args:
        scale_tril: L, of shape (..., d, d), with a positive diagonal.

    Example:
        >>> from kelbo.ops.linalg.covariance_factors import TriangularFactor
        >>> from kelbo import ops
        >>> lower = ops.convert_to_tensor([[1.0, 0.0], [1.0, 2.0]])
        >>> float(TriangularFactor(lower).squared_distance(ops.ones((2,))))
        1.0
    """

    def __init__(self, scale_tril: Tensor):
        self.scale_tril = scale_tril

    def sample(self, shape: Sequence[int], seed: Any) -> Tensor:
        """Draws of mean 0."""
        dtype = keras.backend.standardize_dtype(self.scale_tril.dtype)
        noise = keras.random.normal(shape, dtype=dtype, seed=seed)
        return ops.squeeze(ops.matmul(self.scale_tril, noise[..., None]), -1)

    def squared_distance(self, x: Tensor) -> Tensor:
        r"""$x^\top \Sigma^{-1} x$."""
        # All vectors that meet the same L are columns of one solve: L is not copied for each.
        rank = len(self.scale_tril.shape) - 2
        leading = max(len(x.shape) - 1 - rank, 0)
        shape = ops.shape(x)
        axes = range(len(x.shape))
        columns = ops.transpose(x, (*axes[leading:], *axes[:leading]))
        columns = ops.reshape(columns, (*shape[leading:], -1))
        squared = ops.sum(ops.square(solve_triangular(self.scale_tril, columns)), axis=-2)
        batch = tuple(ops.shape(squared))[:-1]
        squared = ops.reshape(squared, (*batch, *shape[:leading]))
        axes = range(len(squared.shape))
        return ops.transpose(squared, (*axes[len(batch) :], *axes[: len(batch)]))

    def whitened(self, columns: Any) -> Tensor:
        r"""$H x$ for the columns x of a matrix, with $H^\top H = \Sigma^{-1}$."""
        return solve_triangular(self.scale_tril, columns)

    def half_log_det(self) -> Tensor:
        r"""$\tfrac12 \log \det \Sigma$."""
        return ops.sum(ops.log(ops.diagonal(self.scale_tril, axis1=-2, axis2=-1)), axis=-1)

    def variance(self) -> Tensor:
        r"""The diagonal of $\Sigma$."""
        return ops.sum(ops.square(self.scale_tril), axis=-1)

    def matrix(self) -> Tensor:
        """F, of shape (..., d, d)."""
        return self.scale_tril

    def covariance(self) -> Tensor:
        r"""$\Sigma$, of shape (..., d, d)."""
        return ops.matmul(self.scale_tril, ops.swapaxes(self.scale_tril, -1, -2))

    def trace_of_ratio(self, other: Any) -> Tensor:
        r"""$\mathrm{tr}(\Sigma^{-1} \Sigma')$, where $\Sigma'$ is that of another factor."""
        spread = solve_triangular(self.scale_tril, other.matrix())
        return ops.sum(ops.square(spread), axis=(-2, -1))

    def divergence(self, other: Any) -> Tensor:
        """Of the normal distribution of another factor from that of this one, with equal means."""
        if isinstance(other, LowRankFactor):
            return _divergence_by_whitening(self, other)
        change = solve_triangular(self.scale_tril, other.matrix() - self.scale_tril)
        diagonal = ops.diagonal(self.scale_tril, axis1=-2, axis2=-1)
        return _divergence_of_triangles(change, diagonal, other)


class LowRankFactor:
    r"""$\Sigma = D + W W^\top$, D diagonal and positive, W tall.

    With $A = D^{-1/2} W$ and $C = I + A^\top A$, of k rows, Woodbury's identity and the matrix
    determinant lemma are

    $$\Sigma^{-1} = D^{-1/2} (I - A C^{-1} A^\top) D^{-1/2}, \qquad
      \det \Sigma = \det C \prod_i D_{ii}$$

    A distance by the first one is a difference of large numbers where D is small. It is computed
    as the sum of squares that it equals, $\lVert e - A z \rVert^2 + \lVert z \rVert^2$ with
    $e = D^{-1/2} x$ and $z = C^{-1} A^\top e$, where an error in z has no effect of first order.

    Args:
        diagonal: The diagonal of D, of shape (..., d).
        columns: W, of shape (..., d, k).

    Example:
        >>> from kelbo.ops.linalg.covariance_factors import LowRankFactor
        >>> from kelbo import ops
        >>> factor = LowRankFactor(ops.ones((3,)), ops.ones((3, 1)))
        >>> float(factor.half_log_det())  # log(4) / 2
        0.6931...
    """

    def __init__(self, diagonal: Tensor, columns: Any):
        self.diagonal, self.columns = diagonal, columns

    def _scaled(self):
        """A, and the Cholesky factor of C."""
        scaled = self.columns / ops.sqrt(self.diagonal)[..., None]
        inner = ops.matmul(ops.swapaxes(scaled, -1, -2), scaled)
        # Its eigenvalues are 1 or more: no jitter can be needed.
        return scaled, cholesky(add_to_diagonal(inner, 1.0), name="I + A'A")

    def sample(self, shape: Sequence[int], seed: Any) -> Tensor:
        """Draws of mean 0."""
        dtype = keras.backend.standardize_dtype(self.diagonal.dtype)
        rank, shape = self.columns.shape[-1], tuple(shape)
        # One draw of both noises: a seed need not be split.
        noise = keras.random.normal((*shape[:-1], shape[-1] + rank), dtype=dtype, seed=seed)
        own, common = noise[..., : shape[-1]], noise[..., shape[-1] :]
        spread = ops.squeeze(ops.matmul(self.columns, common[..., None]), -1)
        return ops.sqrt(self.diagonal) * own + spread

    def squared_distance(self, x: Tensor) -> Tensor:
        r"""$x^\top \Sigma^{-1} x$."""
        return ops.squeeze(self._squared_distance_of_rows(x[..., None, :]), -1)

    def _squared_distance_of_rows(self, rows):
        # Rows, not columns: where W has no batch, all of them are one matrix product.
        scaled, lower = self._scaled()
        e = rows / ops.sqrt(self.diagonal)[..., None, :]
        columns = ops.swapaxes(ops.matmul(e, scaled), -1, -2)
        z = ops.swapaxes(cho_solve(lower, columns), -1, -2)
        rest = e - ops.matmul(z, ops.swapaxes(scaled, -1, -2))
        return ops.sum(ops.square(rest), axis=-1) + ops.sum(ops.square(z), axis=-1)

    def whitened(self, columns: Any) -> Tensor:
        r"""$H x$ for the columns x of a matrix, with $H^\top H = \Sigma^{-1}$.

        With $C = L L^\top$ it is $H = (I - A (I + L)^{-\top} L^{-1} A^\top) D^{-1/2}$.
        """
        scaled, lower = self._scaled()
        e = columns / ops.sqrt(self.diagonal)[..., None]
        z = solve_triangular(lower, ops.matmul(ops.swapaxes(scaled, -1, -2), e))
        z = solve_triangular(add_to_diagonal(lower, 1.0), z, transpose=True)
        return e - ops.matmul(scaled, z)

    def half_log_det(self) -> Tensor:
        r"""$\tfrac12 \log \det \Sigma$."""
        diagonal = ops.diagonal(self._scaled()[1], axis1=-2, axis2=-1)
        own = 0.5 * ops.sum(ops.log(self.diagonal), axis=-1)
        return own + ops.sum(ops.log(diagonal), axis=-1)

    def variance(self) -> Tensor:
        r"""The diagonal of $\Sigma$."""
        return self.diagonal + ops.sum(ops.square(self.columns), axis=-1)

    def matrix(self) -> Tensor:
        """F, of shape (..., d, d + k)."""
        own = DiagonalFactor(ops.sqrt(self.diagonal)).matrix()
        batch = ops.shape(own[..., :1, :1] + self.columns[..., :1, :1])[:-2]
        parts = [ops.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (own, self.columns)]
        return ops.concatenate(parts, axis=-1)

    def covariance(self) -> Tensor:
        r"""$\Sigma$, of shape (..., d, d)."""
        spread = ops.matmul(self.columns, ops.swapaxes(self.columns, -1, -2))
        return add_to_diagonal(spread, self.diagonal)

    def trace_of_ratio(self, other: Any) -> Tensor:
        r"""$\mathrm{tr}(\Sigma^{-1} \Sigma')$, where $\Sigma'$ is that of another factor."""
        if isinstance(other, TriangularFactor):
            return self._trace_of(other.scale_tril)
        if isinstance(other, LowRankFactor):
            return self._trace_of_diagonal(other.diagonal) + self._trace_of(other.columns)
        return self._trace_of_diagonal(other.variance())

    def divergence(self, other: Any) -> Tensor:
        """Of the normal distribution of another factor from that of this one, with equal means."""
        if isinstance(other, TriangularFactor):
            return _divergence_by_whitening(self, other)
        if isinstance(other, DiagonalFactor):
            other = other._like(self)
        return _divergence_of_low_ranks(self, other)

    def _trace_of(self, columns):
        """The sum of the squared distances of some columns."""
        rows = ops.swapaxes(columns, -1, -2)
        return ops.sum(self._squared_distance_of_rows(rows), axis=-1)

    def _trace_of_diagonal(self, variance):
        """Of a diagonal matrix: no matrix of d columns is made."""
        scaled, lower = self._scaled()
        z = solve_triangular(lower, ops.swapaxes(scaled, -1, -2))
        share = 1.0 - ops.sum(ops.square(z), axis=-2)
        return ops.sum(variance / self.diagonal * share, axis=-1)


def _divergence_of_triangles(change, diagonal, other):
    r"""By $N = L^{-1} L' - I$: $\lVert N \rVert^2 / 2$, and what the diagonal adds.

    None of it is negative, so that nothing cancels where the two are close.

    Args:
        change: N.
        diagonal: That of L.
        other: The factor L'.
    """
    other_diagonal = ops.diagonal(other.matrix(), axis1=-2, axis2=-1)
    by_diagonal = excess(
        ratio(other_diagonal - diagonal, diagonal), ratio(other_diagonal, diagonal)
    )
    squares = ops.sum(ops.square(change), axis=(-2, -1))
    return 0.5 * squares + ops.sum(by_diagonal, axis=-1)


def _divergence_by_determinants(factor, other):
    size = factor.variance().shape[-1]
    log_ratio = factor.half_log_det() - other.half_log_det()
    return 0.5 * (factor.trace_of_ratio(other) - size) + log_ratio


def _divergence_by_whitening(factor, other):
    """By the other covariance in units of the first, where a square matrix is made anyway."""
    spread = factor.whitened(other.matrix())
    change = add_to_diagonal(ops.matmul(spread, ops.swapaxes(spread, -1, -2)), -1.0)
    log_det = 2.0 * (other.half_log_det() - factor.half_log_det())
    return 0.5 * log_det_excess(change, log_det)


def _divergence_of_low_ranks(factor, other):
    r"""By sums of the second order in the difference of the two, where they are close.

    Let them be $I + A A^\top$ and $I + \delta + B B^\top$, in units of the first diagonal,
    with $B = A + \Delta$, $C = I + A^\top A$ and $C' = I + B^\top (I + \delta)^{-1} B$. With
    $Z = C^{-1} A^\top \Delta$ and $\Delta = A Z + E$, and for $K = L^{-1} (C' - C) L^{-\top}$,
    where $C = L L^\top$, twice the divergence is

    $$\sum_i (\delta_i - \log(1 + \delta_i)) + (\mathrm{tr}\,K - \log\det(I + K))
      + \mathrm{tr}((I - C^{-1}) E^\top E) + \lVert Z \rVert^2
      - \mathrm{tr}(C^{-1} Z^\top (C + I) Z)
      + \mathrm{tr}(C^{-1} (B^\top \tfrac{\delta}{1 + \delta} B - A^\top \delta A)).$$
    """
    own, columns = _of_one_width(factor.columns, other.columns)
    far = _divergence_by_determinants(factor, other)

    change = ratio(other.diagonal - factor.diagonal, factor.diagonal)
    small = ops.max(ops.abs(change), axis=-1) < 0.5
    change = ops.where(small[..., None], change, 0.0)
    scale = ops.sqrt(factor.diagonal)[..., None]
    scaled, difference = own / scale, (columns - own) / scale
    gram = _product(scaled, scaled)
    inner = add_to_diagonal(gram, 1.0)
    lower = cholesky(inner, name="I + A'A")

    cross = _product(scaled, difference)
    moved = cho_solve(lower, cross)
    left = difference - ops.matmul(scaled, moved)
    share = cho_solve(lower, gram)  # I - 1 / C
    off = ops.sum(share * _product(left, left), axis=(-2, -1))
    turned = ops.sum(ops.square(moved), axis=(-2, -1))
    inside = _product(moved, ops.matmul(inner, moved) + moved)
    back = _trace_of_solution(lower, inside)

    weighted = change[..., None]
    bent = scaled + difference
    by_change = _product(difference, weighted * scaled)
    by_change = by_change + ops.swapaxes(by_change, -1, -2)
    by_change = by_change + _product(difference, weighted * difference)
    by_change = by_change - _product(bent, weighted / (1.0 + weighted) * weighted * bent)
    diagonals = ops.sum(excess(change), axis=-1)

    inner_change = cross + ops.swapaxes(cross, -1, -2) + _product(difference, difference)
    inner_change = inner_change - _product(bent, weighted / (1.0 + weighted) * bent)
    half = solve_triangular(lower, inner_change)
    relative = solve_triangular(lower, ops.swapaxes(half, -1, -2))
    other_lower = cholesky(inner + inner_change, name="I + B'B")
    log_det = log_det_from_cholesky(other_lower) - log_det_from_cholesky(lower)
    inners = log_det_excess(relative, log_det)

    rest = _trace_of_solution(lower, by_change)
    close = diagonals + inners + off + turned - back + rest
    # Where the terms are as large as those of the definition, they cancel as those do.
    magnitude = diagonals + inners + off + turned + back + ops.abs(rest)
    near = ops.logical_and(small, magnitude < scaled.shape[-2])
    return ops.where(near, 0.5 * close, far)


def _of_one_width(first, second):
    """Columns of zeros beside those of which there are fewer."""
    widest = max(first.shape[-1], second.shape[-1])

    def widened(x):
        return ops.pad(x, [*[(0, 0)] * (len(x.shape) - 1), (0, widest - x.shape[-1])])

    return widened(first), widened(second)


def _product(x, y):
    return ops.matmul(ops.swapaxes(x, -1, -2), y)


def _trace_of_solution(lower, matrix):
    return ops.sum(ops.diagonal(cho_solve(lower, matrix), axis1=-2, axis2=-1), axis=-1)
