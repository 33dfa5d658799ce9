"""Half precision ends where probabilities begin."""

from typing import Any

import keras

from kelbo import ops


def full_precision(dtype: str) -> str:
    """The dtype in which log densities are computed where a network computes in `dtype`.

    Args:
        dtype: A floating dtype.

    Returns:
        "float32" for half precision, `dtype` itself for any other.

    Example:
        >>> from kelbo.layers.precision import full_precision
        >>> full_precision("float16")
        'float32'
    """
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def to_full_precision(x: Any) -> Any:
    """A tensor, in float32 where it was in half precision.

    Args:
        x: A floating tensor.

    Returns:
        A tensor of the shape of `x`.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> from kelbo.layers.precision import to_full_precision
        >>> x = to_full_precision(ops.zeros((2,), dtype="bfloat16"))
        >>> keras.backend.standardize_dtype(x.dtype)
        'float32'
    """
    return ops.cast(x, full_precision(keras.backend.standardize_dtype(x.dtype)))
