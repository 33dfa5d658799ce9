"""A quotient whose gradient does not pass through the square of its divisor."""

from keras import ops

from kelbo.ops.backends import backend
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def ratio(x: Tensor, y: Tensor) -> Tensor:
    r"""$x / y$, of which the gradient by $y$ is $-(x / y) / y$.

    JAX multiplies by $1 / y^2$ in its place, which is infinite for a divisor whose square
    underflows (below 1e-19 in float32), and 0 times it NaN.

    Args:
        x: A floating tensor.
        y: A floating tensor of the same dtype, broadcast against `x`.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> y = keras.Variable(1e-30)
        >>> _, (slope,) = ops.value_and_grad(lambda: ops.ratio(ops.zeros(()), y.value), [y])()
        >>> abs(float(slope))
        0.0
    """
    return backend.ratio(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
