"""BatchNormalization: the fixed affine map that undoes a normalisation."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


# The layer of that name is saved under it.
@registered
class BatchNormalization(Bijector):
    r"""Normalisation by fixed moments: `inverse` normalises, `forward` undoes it.

    $$y = m + \sqrt{v + \epsilon}\; (x - b) / a, \qquad x = b + a (y - m) / \sqrt{v + \epsilon}$$

    for each entry; the log-determinant is $\frac12 \log(v + \epsilon) - \log a$. The directions are
    those of TensorFlow Probability: from the base of a flow to values, and back for densities.
    The moments are those that are given; `layers.BatchNormalization` learns $a$ and $b$, takes the
    moments of batches in training and makes this map elsewhere.

    Args:
        mean: $m$, the mean of the values y; broadcasts with y.
        variance: $v$, their variance, at least 0.
        offset: $b$, the mean of x.
        scale: $a$, the standard deviation of x, positive.
        epsilon: $\epsilon$, a positive number, which keeps values that do not vary from growing
            without bound.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: `variance` is negative, `scale` or `epsilon` not positive, a parameter not
            finite, or the shapes do not broadcast.

    Source: L. Dinh, J. Sohl-Dickstein and S. Bengio, "Density estimation using Real NVP" (2017),
    arXiv:1605.08803, section 3.7.

    Example:
        >>> from kelbo.bijectors import BatchNormalization
        >>> float(BatchNormalization(mean=5.0, variance=3.999).inverse(9.0))
        2.0
    """

    parameters = {
        "mean": constraints.real,
        "variance": constraints.nonnegative,
        "offset": constraints.real,
        "scale": constraints.positive,
    }
    is_affine = True
    is_increasing = True

    def __init__(
        self,
        mean: ArrayLike,
        variance: ArrayLike,
        offset: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        epsilon: float = 1e-3,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        if not epsilon > 0.0:
            raise ValueError(f"BatchNormalization: epsilon must be above 0, got {epsilon!r}.")
        super().__init__(
            mean=mean,
            variance=variance,
            offset=offset,
            scale=scale,
            dtype=dtype,
            validate=validate,
        )
        self.epsilon = float(epsilon)

    def _arguments(self, parameters):
        return {**parameters, "epsilon": self.epsilon}

    def _slope(self):
        """The derivative of y by x, and its logarithm."""
        spread = self.variance + self.epsilon
        return ops.sqrt(spread) / self.scale, 0.5 * ops.log(spread) - ops.log(self.scale)

    def _forward_and_log_det(self, x):
        slope, log_slope = self._slope()
        y = self.mean + slope * (x - self.offset)
        return y, ops.broadcast_to(log_slope, ops.shape(y))

    def _inverse_and_log_det(self, y):
        slope, log_slope = self._slope()
        x = self.offset + (y - self.mean) / slope
        return x, ops.broadcast_to(-log_slope, ops.shape(x))
