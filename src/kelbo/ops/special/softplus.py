"""Softplus in the form that XLA runs fastest."""

import keras
from keras import ops as keras_ops

from kelbo.ops.float64 import mended
from kelbo.ops.symbolic import symbolic
from kelbo.typing import Tensor


@symbolic
def softplus(x: Tensor) -> Tensor:
    r"""$\log(1 + e^x)$, computed as $\max(x, 0) + \log(1 + e^{-|x|})$, exact in both tails.

    On JAX this runs in two thirds of the time of `keras.ops.softplus`, which goes through
    `logaddexp` and its handling of equal infinities; it is the costliest scalar function of a
    Bernoulli likelihood. Elsewhere it is Keras' own, but for float64 on PyTorch: its softplus is x
    itself from 20 on, which has the digits of float32 only.

    Args:
        x: A tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Example:
        >>> from kelbo import ops
        >>> float(ops.softplus(0.0))
        0.6931...
    """
    x = keras_ops.convert_to_tensor(x)
    if "float" not in str(x.dtype):
        x = keras_ops.cast(x, keras.config.floatx())
    backend = keras.backend.backend()
    if backend == "torch" and "float64" in str(x.dtype):
        return mended["logaddexp"](x, keras_ops.zeros_like(x))
    if backend != "jax":
        return keras_ops.softplus(x)
    # One branch at 0, so that every derivative there is that of the function.
    positive = x > 0
    below = keras_ops.log1p(keras_ops.exp(keras_ops.where(positive, -x, x)))
    return keras_ops.where(positive, x, 0.0) + below
