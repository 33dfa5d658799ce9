"""Planar: pushes values along one direction."""

import math

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.bijectors.monotone_system import solve_monotone_system
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Planar(Bijector):
    r"""$y = x + u \tanh(w^\top x + b)$, for vectors: a ridge across the direction $w$.

    $$\log\lvert\det\rvert =
      \log\left(1 + w^\top u \left(1 - \tanh^2(w^\top x + b)\right)\right)$$

    It is invertible for $w^\top u \ge -1$ (Rezende and Mohamed, 2015, eq. 10 and appendix A.1);
    `invertible_u` turns any vector into such a one.

    **Cost.** The inverse has no closed form. The component $w^\top x$ is the root of an increasing
    function of one number, found by bisection: about 21 evaluations of a tanh in float32, 41 in
    float64; no network is called. First derivatives are exact.

    Args:
        u: Direction in which values are pushed, of shape (..., D).
        w: Direction across which the ridge lies, of shape (..., D).
        b: Place of the ridge, of shape (...).
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A parameter is not finite, the product of u and w is below -1, or the shapes do
            not broadcast.

    Example:
        >>> from kelbo.bijectors import Planar
        >>> Planar(u=[1.0, 0.0], w=[1.0, 0.0], b=0.0).forward([0.0, 3.0])
        [0., 3.]
    """

    parameters = {
        "u": constraints.real_vector,
        "w": constraints.real_vector,
        "b": constraints.real,
    }
    event_rank = 1
    domain = codomain = constraints.real_vector

    def __init__(
        self,
        u: ArrayLike,
        w: ArrayLike,
        b: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(u=u, w=w, b=b, dtype=dtype, validate=validate)

    def _validate_values(self):
        super()._validate_values()
        product = ops.sum(self.u * self.w, axis=-1)
        if ops.is_concrete(product) and bool(ops.any(product < -1.0 - 1e-5)):
            raise ValueError(
                "Planar: the product of u and w must be at least -1, else the map folds; it is "
                f"{float(ops.min(product)):.6g}. Use invertible_u(u, w) in the place of u."
            )

    def _forward_and_log_det(self, x):
        h = ops.tanh(ops.sum(self.w * x, axis=-1) + self.b)
        product = ops.sum(self.u * self.w, axis=-1)
        return x + self.u * h[..., None], ops.log1p(product * (1.0 - ops.square(h)))

    def _inverse_and_log_det(self, y):
        product = ops.sum(self.u * self.w, axis=-1, keepdims=True)
        b = self.b[..., None]

        def component(a):
            h = ops.tanh(a + b)
            return a + product * h, 1.0 + product * (1.0 - ops.square(h))

        goal = ops.sum(self.w * y, axis=-1, keepdims=True) + ops.zeros_like(product + b)
        # |tanh| is at most 1, and the bracket of a goal far out must not round to nothing.
        reach = ops.abs(product) + 1e-3 * (1.0 + ops.abs(goal))
        a = solve_monotone_system(component, goal, goal - reach, goal + reach)
        h = ops.tanh(a + b)
        return y - self.u * h, -ops.log1p(product * (1.0 - ops.square(h)))[..., 0]


def invertible_u(u: ArrayLike, w: ArrayLike) -> Tensor:
    r"""The vector nearest to u along w for which a planar map is invertible.

    $$\hat u = u + \left(m(w^\top u) - w^\top u\right) \frac{w}{\lVert w \rVert^2}, \qquad
      m(a) = (1 - 10^{-3}) \left(\log\left(1 + (e - 1)\, e^a\right) - 1\right)$$

    As in Rezende and Mohamed (2015, appendix A.1), with $m(0) = 0$, so that $u = 0$ stays the
    identity and nothing diverges as w goes to 0, and with room for rounding above -1.

    Args:
        u: Any vectors, of shape (..., D).
        w: Vectors of shape (..., D).

    Returns:
        Vectors whose product with w is above -1.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors import invertible_u
        >>> u = invertible_u(ops.convert_to_tensor([-9.0]), ops.convert_to_tensor([1.0]))
        >>> bool(u[0] > -1.0)
        True
    """
    product = ops.sum(u * w, axis=-1, keepdims=True)
    goal = (1.0 - 1e-3) * (ops.softplus(product + math.log(math.e - 1.0)) - 1.0)
    change = goal - product
    return u + change * w / (ops.sum(ops.square(w), axis=-1, keepdims=True) + 1e-12)
