"""The Cholesky factorisation that tries again, and says what is wrong when it fails."""

import math

import keras
import numpy as np
from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.floats import as_floats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

_FIRST_JITTER = {"float32": 1e-6, "float64": 1e-10}


class CholeskyError(ValueError):
    """A matrix has no Cholesky factor, also with jitter on its diagonal.

    The one-line message names the matrix, its smallest eigenvalue and dtype, the jitter that was
    tried, and what to do.
    """


@symbolic
def cholesky(
    a: Tensor,
    jitter: float | None = None,
    max_tries: int = 4,
    name: str = "matrix",
    raises: bool = True,
) -> Tensor:
    """The lower-triangular L with L Lᵀ = a, with jitter on the diagonal only where it is needed.

    The matrix is factored as it is first. If that fails, jitter · mean(diag a) is added to its
    diagonal, then 10, 100, ... times as much, up to `max_tries` times, each matrix of a batch by
    itself. The jitter counts as a constant in the gradient, which is that of the one factorisation
    that succeeded, and symmetric.

    Outside compiled code a failure raises `CholeskyError`, which costs one look at the result: on
    an accelerator, a wait for it. Compiled code cannot raise: there the failed factor is NaN, on
    every backend. Nor can `torch.vmap`.

    Cost: one factorisation where the first one succeeds (two in a compiled TensorFlow function,
    unless `max_tries` is 0), and one more for each retry (and one for all retries together on
    TensorFlow and PyTorch). One failed matrix makes its whole batch be factored again.

    Args:
        a: A symmetric tensor of shape (..., n, n); an asymmetric one is replaced by (a + aᵀ) / 2.
        jitter: The first jitter, relative to the mean of the diagonal. By default 1e-6 in float32
            and 1e-10 in float64.
        max_tries: How many times jitter is added, at most; 0 for never.
        name: What the error calls the matrix.
        raises: Whether a failure is an error outside compiled code; else the factor is NaN there
            too.

    Returns:
        A tensor of the shape of `a`.

    Raises:
        CholeskyError: If no jitter was enough, outside compiled code, and `raises`.
        ValueError: If `a` is not a (batch of) square matrices, `jitter` is not positive or
            `max_tries` is negative.

    Example:
        >>> from kelbo import ops
        >>> ops.cholesky([[4.0, 2.0], [2.0, 1.0]], name="covariance").shape  # singular
        (2, 2)
    """
    (a,) = as_floats(a)
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"cholesky needs square matrices, of shape (..., n, n); {name} has {tuple(a.shape)}."
        )
    if (jitter is not None and not jitter > 0) or max_tries < 0:
        raise ValueError(
            "cholesky needs jitter > 0 and max_tries >= 0 (0 tries to add none), not "
            f"jitter={jitter}, max_tries={max_tries}."
        )
    if jitter is None:
        jitter = _FIRST_JITTER.get(keras.backend.standardize_dtype(a.dtype), 1e-3)
    a = 0.5 * (a + ops.swapaxes(a, -1, -2))
    lower = backend.factor_with_retries(a, float(jitter), int(max_tries))
    if raises and backend.known_truth(ops.all(ops.isfinite(lower))) is False:
        raise CholeskyError(_explain(a, lower, jitter, max_tries, name))
    return lower


def _explain(a, lower, jitter, max_tries, name):
    a, lower = (ops.convert_to_numpy(ops.stop_gradient(x)) for x in (a, lower))
    failed = ~np.isfinite(lower).all((-2, -1))
    where = tuple(np.argwhere(failed)[0]) if failed.ndim else ()
    matrix = a[where]
    place = f"{name}{list(map(int, where))}" if where else name
    others = f" (and {failed.sum() - 1} more of its batch)" if failed.sum() > 1 else ""
    what = f"{place}, of shape {matrix.shape} and dtype {matrix.dtype}{others}"
    if not np.isfinite(matrix).all():
        bad = int((~np.isfinite(matrix)).sum())
        return (
            f"{what}, has no Cholesky factor: {bad} of its entries are NaN or infinite. "
            "Look for what produced them: no jitter helps."
        )
    eigenvalues = np.linalg.eigvalsh(matrix.astype("float64"))
    smallest, largest = eigenvalues[0], np.abs(eigenvalues).max()
    scale = float(np.mean(np.diagonal(matrix), dtype="float64"))
    tried = ", ".join(f"{jitter * 10.0**k:.0e}" for k in range(max_tries)) or "none"
    rounding = 10 * matrix.shape[-1] * np.finfo(matrix.dtype).eps * largest
    if smallest >= -rounding and scale > 0:
        enough = 10.0 ** math.ceil(math.log10(2 * max(rounding, -smallest) / scale))
        remedy = f"It is singular up to rounding: pass jitter={enough:.0e}" + (
            "." if matrix.dtype == np.float64 else ", or compute it in float64."
        )
    else:
        remedy = (
            "It is not a covariance: check the formula that made it (its sign, its symmetry, a "
            "kernel that is not positive definite); jitter would hide the mistake."
        )
    return (
        f"{what}, has no Cholesky factor: its smallest eigenvalue is {smallest:.3g}, its largest "
        f"{eigenvalues[-1]:.3g}. Jitter tried, relative to the mean {scale:.3g} of its diagonal: "
        f"{tried}. {remedy}"
    )
