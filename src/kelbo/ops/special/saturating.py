r"""Functions that run into a constant, with slopes that keep their digits there.

Every backend takes the slope from the value: $e^x = (e^x - 1) + 1$, $\sigma' = \sigma (1 - \sigma)$
and $\tanh' = 1 - \tanh^2$. Where the value rounds to the constant no digit of the slope is left: of
a distribution function, none of the density. Here the slope comes from what is small.
"""

from keras import ops

from kelbo.ops.float64 import mended
from kelbo.ops.floats import as_floats
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor

_tanh = mended.get("tanh", ops.tanh)
# Below it, exp(x) - 1 has all its digits.
_LOG_HALF = -0.7


@symbolic
def expm1(x: Tensor) -> Tensor:
    r"""$e^x - 1$, as `keras.ops.expm1`, whose slope $e^x$ has its digits also where $x \ll 0$.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> x = keras.Variable(-20.0)
        >>> _, (slope,) = ops.value_and_grad(lambda: ops.expm1(x.value), [x])()
        >>> float(slope)
        2.061...e-09
    """
    (x,) = as_floats(x)
    low = x < _LOG_HALF
    by_power = ops.exp(ops.where(low, x, _LOG_HALF)) - 1.0
    return ops.where(low, by_power, ops.expm1(ops.where(low, 0.0, x)))


@symbolic
def sigmoid(x: Tensor) -> Tensor:
    r"""$\sigma(x) = 1 / (1 + e^{-x})$, whose slope has its digits also where $\sigma$ is near 1.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> x = keras.Variable(20.0)
        >>> _, (slope,) = ops.value_and_grad(lambda: ops.sigmoid(x.value), [x])()
        >>> float(slope)
        2.061...e-09
    """
    (x,) = as_floats(x)
    high = x > 0.0
    less = ops.sigmoid(ops.where(high, -x, x))
    return ops.where(high, 1.0 - less, less)


@symbolic
def tanh(x: Tensor) -> Tensor:
    r"""$\tanh x$, whose slope $1 / \cosh^2 x$ has its digits also where it is small.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> x = keras.Variable(10.0)
        >>> _, (slope,) = ops.value_and_grad(lambda: ops.tanh(x.value), [x])()
        >>> float(slope)
        8.244...e-09
    """
    (x,) = as_floats(x)
    high, low = x > 0.5, x < -0.5
    # 1 - 2 sigmoid(-2 x), by the sign.
    less = 2.0 * ops.sigmoid(ops.where(high, -2.0 * x, ops.where(low, 2.0 * x, -1.0)))
    middle = _tanh(ops.where(ops.logical_or(high, low), 0.0, x))
    return ops.where(high, 1.0 - less, ops.where(low, less - 1.0, middle))
