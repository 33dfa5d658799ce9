"""Sylvester: several planar maps at once."""

from collections.abc import Sequence
from typing import Any

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.monotone_system import solve_monotone_system, vector_times_matrix
from kelbo.parameters import Shape, constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class Sylvester(Bijector):
    r"""$y = x + Q R \tanh(\tilde R Q^\top x + b)$, for vectors: M planar maps in one.

    The M columns of $Q$ are orthonormal, $R$ and $\tilde R$ are upper triangular, and by
    Sylvester's identity the determinant is one of an M x M triangular matrix:

    $$\log\lvert\det\rvert =
      \sum_i \log\left(1 + R_{ii} \tilde R_{ii} \left(1 - \tanh^2(a_i)\right)\right),
      \qquad a = \tilde R Q^\top x + b$$

    It is invertible for $R_{ii} \tilde R_{ii} > -1$ (van den Berg, Hasenclever, Tomczak and
    Welling, 2018, theorem 2).

    **Cost.** The inverse has no closed form. The M components $Q^\top x$ are found one after
    another, each by bisection: about 21 M evaluations in float32, 41 M in float64, of M x M
    products; no network is called. First derivatives are exact.

    Args:
        q: Matrix $Q$ with orthonormal columns, of shape (..., D, M).
        r: Upper triangular $R$, of shape (..., M, M); what is below its diagonal is not read.
        r_tilde: Upper triangular $\tilde R$, likewise.
        b: Places of the ridges, of shape (..., M).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: The columns of q are not orthonormal, a product of diagonal entries is not
            above -1, or the shapes do not fit.

    Example:
        >>> from kelbo.bijectors import Sylvester
        >>> import numpy as np
        >>> Sylvester(np.eye(2), np.eye(2), np.eye(2), np.zeros(2)).forward([0.0, 0.0])
        [0., 0.]
    """

    parameters = {
        "q": constraints.real_matrix,
        "r": constraints.real_matrix,
        "r_tilde": constraints.real_matrix,
        "b": constraints.real_vector,
    }
    event_rank = 1
    domain = codomain = constraints.real_vector

    def __init__(
        self,
        q: Any,
        r: ArrayLike,
        r_tilde: ArrayLike,
        b: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(q=q, r=r, r_tilde=r_tilde, b=b, dtype=dtype, validate=False)
        m = self.q.shape[-1]
        fits = self.r.shape[-2:] == self.r_tilde.shape[-2:] == (m, m) and self.b.shape[-1] == m
        if not fits or m > self.q.shape[-2]:
            shapes = ", ".join(f"{n} {tuple(t.shape)}" for n, t in self._given.items())
            raise ValueError(
                "Sylvester: the shapes must be q (..., D, M) with M at most D, r and r_tilde "
                f"(..., M, M) and b (..., M); got {shapes}."
            )
        if validate:
            self._validate_values()

    def _validate_values(self):
        super()._validate_values()
        gram = ops.matmul(ops.swapaxes(self.q, -1, -2), self.q)
        off = ops.max(ops.abs(gram - ops.eye(self.q.shape[-1], dtype=self.dtype)))
        least = ops.min(self._slopes())
        if ops.is_concrete(off) and bool(off > 1e-3):
            raise ValueError(
                "Sylvester: the columns of q must be orthonormal; their products are off by up to "
                f"{float(off):.3g}. Take the Q of a QR decomposition."
            )
        if ops.is_concrete(least) and not bool(least > -1.0):
            raise ValueError(
                "Sylvester: the products of the diagonal entries of r and r_tilde must be greater "
                f"than -1, else the map folds; the least is {float(least):.6g}."
            )

    def _slopes(self):
        return _diagonal(self.r) * _diagonal(self.r_tilde)

    def _pushed(self, components):
        """Tanh of the ridges, and what they add to the components."""
        upper, upper_tilde = ops.triu(self.r), ops.triu(self.r_tilde)
        h = ops.tanh(vector_times_matrix(components, ops.swapaxes(upper_tilde, -1, -2)) + self.b)
        return h, vector_times_matrix(h, ops.swapaxes(upper, -1, -2))

    def _forward_and_log_det(self, x):
        h, pushed = self._pushed(vector_times_matrix(x, self.q))
        y = x + vector_times_matrix(pushed, ops.swapaxes(self.q, -1, -2))
        return y, ops.sum(ops.log1p(self._slopes() * (1.0 - ops.square(h))), axis=-1)

    def _inverse_and_log_det(self, y):
        slopes = self._slopes()

        def ridges(components):
            h, pushed = self._pushed(components)
            return components + pushed, 1.0 + slopes * (1.0 - ops.square(h))

        goal = vector_times_matrix(y, self.q) + ops.zeros_like(slopes + self.b)
        reach = ops.sum(ops.abs(ops.triu(self.r)), axis=-1) + 1e-3 * (1.0 + ops.abs(goal))
        components = solve_monotone_system(
            ridges, goal, goal - reach, goal + reach, last_first=True
        )
        h, pushed = self._pushed(components)
        x = y - vector_times_matrix(pushed, ops.swapaxes(self.q, -1, -2))
        return x, -ops.sum(ops.log1p(slopes * (1.0 - ops.square(h))), axis=-1)

    def forward_event_shape(self, shape: Sequence[int | None]) -> Shape:
        shape = super().forward_event_shape(shape)
        if shape[-1] not in (None, self.q.shape[-2]):
            raise ValueError(
                f"Sylvester: the map is one of vectors of {self.q.shape[-2]} entries, which does "
                f"not fit values of shape {shape}."
            )
        return shape

    def inverse_event_shape(self, shape: Sequence[int | None]) -> Shape:
        return self.forward_event_shape(shape)


def _diagonal(matrix):
    return ops.diagonal(matrix, axis1=-2, axis2=-1)
