"""Arguments brought to one floating dtype."""

import keras
import numpy as np
from keras import ops as keras_ops

from kelbo.ops.backends import backend
from kelbo.ops.float64 import float64_kept, mended
from kelbo.typing import Tensor

# Those of Keras turn float64 into float32 on PyTorch.
maximum = mended.get("maximum", keras_ops.maximum)
minimum = mended.get("minimum", keras_ops.minimum)


def as_floats(*values: Tensor) -> list[Tensor]:
    """The arguments as tensors of one floating dtype.

    Tensors decide the dtype, by Keras' promotion (float64 kept, integers give `floatx`); NumPy
    arrays do where there is no tensor; Python numbers and lists never do.

    Args:
        *values: Tensors, variables, arrays or numbers.

    Returns:
        A list of tensors.
    """
    typed = [x for x in values if hasattr(x, "dtype")]
    tensors = [x for x in typed if not isinstance(x, np.ndarray | np.generic)]
    if not tensors:
        tensors = [keras_ops.convert_to_tensor(x) for x in typed]
    with float64_kept():
        names = [keras.backend.standardize_dtype(x.dtype) for x in tensors]
        dtype = keras.backend.result_type(*names, float)
    return [backend.as_tensor(keras_ops.convert_to_tensor(x, dtype=dtype)) for x in values]


def together(*values: Tensor) -> list[Tensor]:
    """The arguments as tensors of one floating dtype, broadcast to one shape.

    Args:
        *values: Tensors, variables, arrays or numbers.

    Returns:
        A list of tensors.
    """
    tensors = as_floats(*values)
    shape = keras_ops.shape(sum(keras_ops.zeros_like(x) for x in tensors))
    return [keras_ops.broadcast_to(x, shape) for x in tensors]
