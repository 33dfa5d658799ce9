"""The bound of Titsias: q(u) integrated out in closed form, and the optimal q(u)."""

import math
from dataclasses import dataclass

from kelbo import ops
from kelbo.ops.autodiff.pullbacks import with_pullback
from kelbo.typing import Tensor

_LOG_2PI = math.log(2.0 * math.pi)

# Beyond this estimate of the condition number of Kuu, products of Kuf lose too many digits.
LARGEST_CONDITION = 1e9


def collapsed_bound(
    Kuu: Tensor,
    Kuf: Tensor,
    diagonal: Tensor,
    y: Tensor,
    noise_variance: Tensor,
    by: str = "auto",
) -> Tensor:
    r"""The collapsed variational bound of sparse regression, in nats.

    $$\log N(y; 0, Q + \sigma^2 I) - \frac{1}{2 \sigma^2} \mathrm{tr}(K - Q), \qquad
      Q = K_{fu} K_{uu}^{-1} K_{uf}$$

    (Titsias, 2009, eq. 9.) It is computed in one of two ways:

    - "products": by $\Phi = K_{uf} K_{fu}$ and $b = K_{uf} y$, with a derivative rule of its own,
      in which three products of size $M^2 N$ are left. Forming $\Phi$ squares the condition number.
    - "solves": by $A = L^{-1} K_{uf} / \sigma$ and $B = I + A A^\top$, differentiated by the tape.

    "auto" takes products where the condition number of $K_{uu}$, estimated from the diagonal of its
    factor, is below 1e9, and solves elsewhere; in compiled code it is decided there.

    Args:
        Kuu: Covariance of the features, of shape (M, M), jitter included.
        Kuf: Covariance with the values at the data, of shape (M, N).
        diagonal: Variances of the values, of shape (N,).
        y: Tensor of shape (N,), without the mean.
        noise_variance: $\sigma^2$, a scalar.
        by: "products", "solves" or "auto".

    Returns:
        A scalar tensor.

    Raises:
        ValueError: `by` is none of these.
    """
    total, square = ops.sum(diagonal), ops.sum(y * y)
    arguments = (Kuu, Kuf, y, noise_variance)
    if by not in ("auto", "products", "solves"):
        raise ValueError(f'collapsed_bound: by must be "auto", "products" or "solves", got {by!r}.')
    if by == "auto":
        value = ops.cond(
            is_well_conditioned(Kuu),
            lambda: _by_products(*arguments),
            lambda: _by_solves(*arguments),
        )
    else:
        value = (_by_products if by == "products" else _by_solves)(*arguments)
    n = ops.cast(ops.shape(y)[0], y.dtype)
    return value - 0.5 * (
        (total + square) / noise_variance + n * ops.log(noise_variance) + n * _LOG_2PI
    )


def is_well_conditioned(Kuu: Tensor) -> Tensor:
    """Whether products keep enough digits, by an estimate of the condition number.

    Args:
        Kuu: Covariance of the features, of shape (M, M).

    Returns:
        A boolean scalar.
    """
    pivots = ops.diagonal(ops.stop_gradient(ops.cholesky(Kuu, name="Kuu")))
    squares = pivots * pivots
    return ops.max(squares) < LARGEST_CONDITION * ops.min(squares)


def _by_solves(Kuu, Kuf, y, noise_variance):
    """-1/2 log det B + 1/2 |c|^2 + 1/2 tr A A'."""
    factors = collapsed_factors(Kuu, Kuf, y, noise_variance)
    return 0.5 * (
        ops.sum(factors.c * factors.c)
        + ops.trace(factors.B)
        - factors.B.shape[-1]
        - ops.log_det_from_cholesky(factors.LB)
    )


@dataclass(frozen=True)
class CollapsedFactors:
    r"""What the bound and the optimal $q(u)$ are made of.

    Attributes:
        L: Factor of $K_{uu}$.
        B: $I + A A^\top$, with $A = L^{-1} K_{uf} / \sigma$.
        LB: Factor of B.
        c: $L_B^{-1} A y / \sigma$.
    """

    L: Tensor
    B: Tensor
    LB: Tensor
    c: Tensor


def collapsed_factors(
    Kuu: Tensor,
    Kuf: Tensor,
    y: Tensor,
    noise_variance: Tensor,
) -> CollapsedFactors:
    """The factors, by solves.

    Args:
        Kuu: As in `collapsed_bound`.
        Kuf: As in `collapsed_bound`.
        y: As in `collapsed_bound`.
        noise_variance: As in `collapsed_bound`.

    Returns:
        The factors.
    """
    sigma = ops.sqrt(noise_variance)
    lower = ops.cholesky(Kuu, name="Kuu")
    a = ops.solve_triangular(lower, Kuf) / sigma
    b = ops.add_to_diagonal(ops.matmul(a, ops.transpose(a)), 1.0)
    lower_b = ops.cholesky(b, name="B")
    c = ops.solve_triangular(lower_b, ops.matmul(a, y)[:, None])[:, 0] / sigma
    return CollapsedFactors(lower, b, lower_b, c)


def _forward(Kuu, Kuf, y, noise_variance):
    lower = ops.cholesky(Kuu, name="Kuu")
    inverse = ops.solve_triangular(lower, ops.eye(lower.shape[-1], dtype=lower.dtype))
    phi = ops.matmul(Kuf, ops.transpose(Kuf))
    b = ops.matmul(Kuf, y)
    inner = ops.matmul(ops.matmul(inverse, phi), ops.transpose(inverse)) / noise_variance
    lower_b = ops.cholesky(ops.add_to_diagonal(inner, 1.0), name="B")
    g = ops.solve_triangular(lower_b, inverse)
    c = ops.matmul(g, b) / noise_variance
    value = 0.5 * (ops.sum(c * c) + ops.trace(inner) - ops.log_det_from_cholesky(lower_b))
    return value, (Kuf, y, noise_variance, inverse, phi, b, g, c)


def _pullback(residuals, cotangent):
    Kuf, y, noise_variance, inverse, phi, b, g, c = residuals
    s2 = noise_variance
    q = ops.matmul(ops.transpose(inverse), inverse)
    s = ops.matmul(ops.transpose(g), g)
    a = ops.matmul(ops.transpose(g), c)
    q_phi = ops.matmul(q, phi)
    left = q - s - a[:, None] * a[None, :]
    of_phi = left / (2.0 * s2)
    of_kuf = 2.0 * ops.matmul(of_phi, Kuf) + (a / s2)[:, None] * y[None, :]
    of_kuu = 0.5 * (left - ops.matmul(q_phi, q) / s2)
    of_y = ops.matmul(a, Kuf) / s2
    of_s2 = (
        0.5 * ops.sum(s * phi)
        - 0.5 * ops.trace(q_phi)
        + 0.5 * ops.sum(a * ops.matmul(phi, a))
        - ops.sum(a * b)
    ) / (s2 * s2)
    return tuple(cotangent * each for each in (of_kuu, of_kuf, of_y, of_s2))


_by_products = with_pullback(_forward, _pullback)


def upper_bound(
    Kuu: Tensor,
    Kuf: Tensor,
    diagonal: Tensor,
    y: Tensor,
    noise_variance: Tensor,
) -> Tensor:
    r"""An upper bound of the log marginal likelihood, in nats.

    $$-\tfrac12 \log \det(Q + \sigma^2 I) - \tfrac12 y^\top (Q + (t + \sigma^2) I)^{-1} y
      - \tfrac n2 \log 2\pi, \qquad t = \mathrm{tr}(K - Q)$$

    (Titsias, 2014, "Variational inference for Gaussian and determinantal point processes".)

    Args:
        Kuu: As in `collapsed_bound`.
        Kuf: As in `collapsed_bound`.
        diagonal: As in `collapsed_bound`.
        y: As in `collapsed_bound`.
        noise_variance: As in `collapsed_bound`.

    Returns:
        A scalar tensor.
    """
    n = ops.cast(ops.shape(y)[0], y.dtype)
    factors = collapsed_factors(Kuu, Kuf, y, noise_variance)
    explained = noise_variance * (ops.trace(factors.B) - factors.B.shape[-1])
    left_over = ops.maximum(ops.sum(diagonal) - explained, 0.0)
    wide = noise_variance + left_over
    c = collapsed_factors(Kuu, Kuf, y, wide).c
    square = ops.sum(y * y) / wide - ops.sum(c * c)
    log_det = ops.log_det_from_cholesky(factors.LB) + n * ops.log(noise_variance)
    return -0.5 * (log_det + square + n * _LOG_2PI)
