"""The log marginal likelihood of noisy values of a process."""

import math

from kelbo import ops
from kelbo.ops.autodiff.pullbacks import with_pullback
from kelbo.typing import Tensor

_LOG_2PI = math.log(2.0 * math.pi)


def log_marginal_likelihood(covariance: Tensor, y: Tensor) -> Tensor:
    r"""$\log N(y; 0, K)$, in nats, with the gradient by its closed form.

    $$-\tfrac12 y^\top K^{-1} y - \tfrac12 \log \det K - \tfrac n2 \log 2\pi, \qquad
      \frac{\partial}{\partial K} = \tfrac12 (\alpha \alpha^\top - K^{-1}), \quad
      \alpha = K^{-1} y$$

    (Rasmussen and Williams, 2006, eq. 5.8 and 5.9.) The gradient needs the factor that the value
    has, and one inverse; a tape goes through the factorisation at twice that.

    Args:
        covariance: $K$, of shape (n, n), noise included.
        y: Tensor of shape (n,), without the mean.

    Returns:
        A scalar tensor.
    """
    return _log_normal(covariance, y)


def _forward(covariance, y):
    lower = ops.cholesky(covariance, name="the covariance of the data")
    whitened = ops.solve_triangular(lower, y[:, None])[:, 0]
    count = ops.cast(ops.shape(y)[0], y.dtype)
    squared = ops.sum(whitened * whitened)
    value = -0.5 * (squared + ops.log_det_from_cholesky(lower) + count * _LOG_2PI)
    return value, (lower, whitened)


def _pullback(residuals, cotangent):
    lower, whitened = residuals
    inverse = ops.solve_triangular(lower, ops.eye(ops.shape(lower)[-1], dtype=lower.dtype))
    alpha = ops.matmul(ops.transpose(inverse), whitened)
    precision = ops.matmul(ops.transpose(inverse), inverse)
    of_covariance = 0.5 * cotangent * (alpha[:, None] * alpha[None, :] - precision)
    return of_covariance, -cotangent * alpha


_log_normal = with_pullback(_forward, _pullback)
