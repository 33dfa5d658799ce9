"""Gradients whose weight is known only after what they flow through."""

from kelbo.ops.backends import backend
from kelbo.typing import Tensor


def gradient_tap(value: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    r"""The value itself, and a tap by which its gradient can be weighted later.

    The tap is a tensor of zeros of shape `value.shape[:rank] + (2,)`. Whatever is added to a loss
    as `sum(a * tap[..., 0] + b * tap[..., 1])` leaves its value as it is, but multiplies the
    gradient that flows back into `value` by $a / b$, per entry of the first `rank` axes (by 0 where
    b is 0). So a weight can depend on what is computed from the value. Where nothing is added, no
    gradient flows. A gradient that came through a tap cannot be differentiated again: that raises
    an error.

    Args:
        value: A floating tensor.
        rank: How many leading axes have weights of their own.

    Returns:
        The value, and the tap.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> x = keras.Variable([2.0])
        >>> def loss():
        ...     value, tap = ops.gradient_tap(x.value, 1)
        ...     square = value**2
        ...     weights = ops.stop_gradient(ops.stack([10.0 * square, ops.ones((1,))], -1))
        ...     return ops.sum(square) + ops.sum(weights * tap)
        >>> value, (slope,) = ops.value_and_grad(loss, [x])()
        >>> float(value), float(slope[0])
        (4.0, 160.0)
    """
    return backend.gradient_tap(value, rank)
