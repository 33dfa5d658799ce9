"""RationalQuadraticSpline: a monotone spline of numbers with a closed inverse."""

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.parameters import constraints
from kelbo.registration import registered
from kelbo.typing import ArrayLike


@registered
class RationalQuadraticSpline(Bijector):
    r"""A smooth increasing curve through knots, each piece a ratio of quadratics.

    With the bin $[x_k, x_k + w]$ of x, its image $[y_k, y_k + h]$, the slopes $d_0, d_1$ at its two
    ends, $s = h / w$ and $\xi = (x - x_k) / w$:

    $$y = y_k + \frac{h\,(s \xi^2 + d_0\, \xi (1 - \xi))}
                     {s + (d_0 + d_1 - 2s)\, \xi (1 - \xi)}$$

    Left and right of the knots the curve goes on as a straight line with the slope of the outermost
    knot, so that every number is reached. The inverse is the root of a quadratic, in the form that
    does not cancel (Durkan, Bekasov, Murray and Papamakarios, 2019, eq. 4-8).

    Args:
        bin_widths: Widths $w$ of the K bins of x, positive, of shape (..., K); the leading axes
            broadcast with x.
        bin_heights: Heights $h$ of the K bins of y, positive, of shape (..., K).
        knot_slopes: Slopes at the knots, positive: of shape (..., K - 1) at the inner ones, with
            slope 1 at the two outer ones (an identity outside, where widths and heights have one
            sum), or of shape (..., K + 1) at all.
        range_min: Where the knots begin, in x and in y.
        dtype: Floating dtype; None takes the parameters' own.
        validate: Whether values are checked.

    Raises:
        ValueError: A parameter is not positive, or the numbers of bins and slopes do not fit.

    Example:
        >>> from kelbo.bijectors import RationalQuadraticSpline
        >>> spline = RationalQuadraticSpline([1.0, 1.0], [0.5, 1.5], [1.0], range_min=-1.0)
        >>> float(spline.forward(0.0)), float(spline.forward(7.0))
        (-0.5, 7.0)
    """

    parameters = {
        "bin_widths": constraints.positive_vector,
        "bin_heights": constraints.positive_vector,
        "knot_slopes": constraints.positive_vector,
    }
    is_increasing = True

    def __init__(
        self,
        bin_widths: ArrayLike,
        bin_heights: ArrayLike,
        knot_slopes: ArrayLike,
        range_min: float = -1.0,
        *,
        dtype: str | None = None,
        validate: bool = True,
    ):
        super().__init__(
            bin_widths=bin_widths,
            bin_heights=bin_heights,
            knot_slopes=knot_slopes,
            dtype=dtype,
            validate=validate,
        )
        self.range_min = float(range_min)
        bins = {self.bin_widths.shape[-1], self.bin_heights.shape[-1]}
        slopes = self.knot_slopes.shape[-1]
        if len(bins) > 1 or slopes not in (max(bins) - 1, max(bins) + 1):
            raise ValueError(
                f"RationalQuadraticSpline: bin_widths has the shape {tuple(self.bin_widths.shape)},"
                f" bin_heights {tuple(self.bin_heights.shape)} and knot_slopes "
                f"{tuple(self.knot_slopes.shape)}: there must be K widths, K heights, and K - 1 "
                "slopes at the inner knots or K + 1 at all."
            )
        self._slope_is_1_outside = slopes < max(bins)

    def _arguments(self, parameters):
        return {**parameters, "range_min": self.range_min}

    def _bin_of(self, value, widths, heights, of_x):
        """The value moved into the range of the knots, and its bin: x, w, y, h, d0, d1."""
        slopes = self.knot_slopes
        if self._slope_is_1_outside:
            one = ops.ones_like(widths[..., :1])
            one = ops.broadcast_to(one, (*ops.shape(slopes)[:-1], 1))
            slopes = ops.concatenate([one, slopes, one], axis=-1)
        x_right = self.range_min + ops.cumsum(widths, axis=-1)
        y_right = self.range_min + ops.cumsum(heights, axis=-1)
        right = x_right if of_x else y_right
        within = ops.minimum(ops.maximum(value, self.range_min), right[..., -1])
        beyond = ops.cast(within[..., None] >= right[..., :-1], "int32")
        index = ops.sum(beyond, axis=-1, keepdims=True)
        # One gather of all six numbers: on a CPU it is faster than sums over a one-hot bin.
        parts = [
            x_right - widths, widths, y_right - heights, heights, slopes[..., :-1], slopes[..., 1:]
        ]  # fmt: skip
        table = _stacked(parts)
        table = ops.broadcast_to(table, (*ops.shape(within), *table.shape[-2:]))
        entry = ops.take_along_axis(table, index[..., None], axis=-2)[..., 0, :]
        return within, [entry[..., i] for i in range(6)]

    def _forward_and_log_det(self, x):
        within, (x0, w, y0, h, d0, d1) = self._bin_of(x, self.bin_widths, self.bin_heights, True)
        s = h / w
        xi = (within - x0) / w
        t = xi * (1.0 - xi)
        denominator = s + (d0 + d1 - 2.0 * s) * t
        y = y0 + h * (s * ops.square(xi) + d0 * t) / denominator
        log_det = _log_slope(xi, t, s, d0, d1, denominator)
        # At the outermost knots the curve has the slope of the line that goes on from there.
        return y + self._outside(x - within, log_det), log_det

    def _inverse_and_log_det(self, y):
        within, (x0, w, y0, h, d0, d1) = self._bin_of(y, self.bin_widths, self.bin_heights, False)
        s = h / w
        above = within - y0
        bend = d0 + d1 - 2.0 * s
        a = h * (s - d0) + above * bend
        b = h * d0 - above * bend
        c = -s * above
        discriminant = ops.maximum(ops.square(b) - 4.0 * a * c, 0.0)
        # b > 0 or the discriminant is: no root of 0, whose slope is infinite.
        xi = 2.0 * c / (-b - ops.sqrt(discriminant))
        t = xi * (1.0 - xi)
        log_det = -_log_slope(xi, t, s, d0, d1, s + bend * t)
        return x0 + xi * w + self._outside(y - within, log_det), log_det

    def _outside(self, distance, log_slope):
        return distance if self._slope_is_1_outside else distance * ops.exp(log_slope)


def _log_slope(xi, t, s, d0, d1, denominator):
    numerator = d1 * ops.square(xi) + 2.0 * s * t + d0 * ops.square(1.0 - xi)
    return ops.log(numerator) + 2.0 * ops.log(s / denominator)


def _stacked(parts):
    shape = max((part.shape for part in parts), key=len)
    if any(tuple(part.shape) != tuple(shape) for part in parts):
        zero = sum(ops.zeros_like(part) for part in parts)
        parts = [part + zero for part in parts]
    return ops.stack(parts, axis=-1)
