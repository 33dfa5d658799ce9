"""Radial: draws values to a point, or away from it."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike, Tensor


@registered
class Radial(Bijector):
    r"""$y = x + \frac{\beta}{\alpha + r} (x - x_0)$ with $r = \lVert x - x_0 \rVert$, for vectors.

    $$\log\lvert\det\rvert = (D - 1) \log\left(1 + \frac{\beta}{\alpha + r}\right)
        + \log\left(1 + \frac{\alpha \beta}{(\alpha + r)^2}\right)$$

    It is invertible for $\beta > -\alpha$ (Rezende and Mohamed, 2015, eq. 14 and appendix A.2);
    `invertible_beta` turns any number into such a one. The inverse is closed: the radius is the
    positive root of a quadratic.

    Args:
        center: The point $x_0$, of shape (..., D).
        alpha: Width $\alpha > 0$ of what is moved, of shape (...).
        beta: Strength $\beta > -\alpha$, of shape (...): positive pushes away.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `alpha` is not positive, `beta` is not above -alpha, or the shapes do not
            broadcast.

    Example:
        >>> from kelbo.bijectors import Radial
        >>> Radial(center=[0.0, 0.0], alpha=1.0, beta=1.0).forward([3.0, 0.0])
        [3.75, 0.]
    """

    parameters = {
        "center": constraints.real_vector,
        "alpha": constraints.positive,
        "beta": constraints.real,
    }
    event_rank = 1
    domain = codomain = constraints.real_vector

    def __init__(
        self,
        center: ArrayLike,
        alpha: ArrayLike,
        beta: ArrayLike,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(center=center, alpha=alpha, beta=beta, dtype=dtype, validate=validate)

    def _validate_values(self):
        super()._validate_values()
        room = self.alpha + self.beta
        if ops.is_concrete(room) and not bool(ops.all(room > 0)):
            raise ValueError(
                "Radial: beta must be greater than -alpha, else the map folds; the sum of the two "
                f"is {float(ops.min(room)):.6g}. Use invertible_beta(beta, alpha) for beta."
            )

    def _log_det(self, r, size):
        reach = self.alpha + r
        around = ops.log1p(self.beta / reach)
        return (size - 1) * around + ops.log1p(self.alpha * self.beta / ops.square(reach))

    def _forward_and_log_det(self, x):
        offset = x - self.center
        r = _norm(offset)
        y = x + (self.beta / (self.alpha + r))[..., None] * offset
        return y, self._log_det(r, x.shape[-1])

    def _inverse_and_log_det(self, y):
        offset = y - self.center
        distance = _norm(offset)
        # r^2 + p r - alpha * distance = 0, by the form of the root that does not cancel.
        p = self.alpha + self.beta - distance
        root = ops.sqrt(ops.square(p) + 4.0 * self.alpha * distance)
        is_far = p < 0
        safe = ops.where(is_far, ops.ones_like(p), p + root)
        r = ops.where(is_far, 0.5 * (root - p), 2.0 * self.alpha * distance / safe)
        x = self.center + offset / (1.0 + self.beta / (self.alpha + r))[..., None]
        return x, -self._log_det(r, y.shape[-1])


def invertible_beta(beta: ArrayLike, alpha: ArrayLike) -> Tensor:
    r"""Any number as a strength for which a radial map is invertible, 0 staying 0.

    $$\hat\beta = -\alpha + \log\left(1 + (e^\alpha - 1)\, e^\beta\right)$$

    Args:
        beta: Any numbers.
        alpha: Positive numbers.

    Returns:
        Numbers greater than -alpha.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.bijectors import invertible_beta
        >>> alpha = ops.convert_to_tensor(2.0)
        >>> bool(invertible_beta(ops.convert_to_tensor(-9.0), alpha) > -2.0)
        True
    """
    return ops.softplus(beta + ops.softplus_inverse(alpha)) - alpha


def _norm(vector):
    squared = ops.sum(ops.square(vector), axis=-1)
    # The slope of a root at 0 is infinite; that of the map at its center is not.
    is_zero = ops.equal(squared, 0)
    root = ops.sqrt(ops.where(is_zero, ops.ones_like(squared), squared))
    return ops.where(is_zero, ops.zeros_like(root), root)
