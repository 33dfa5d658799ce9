"""Half precision ends where probabilities begin."""

from collections.abc import Iterable
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


def dtype_of_pieces(pieces: Iterable[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a layer that is made of others: in float64 where one of them is.

    Args:
        pieces: What the layer is made of; what is no layer does not count.
        kwargs: Arguments of the layer, a dtype among them or not.

    Returns:
        The arguments, with a dtype where none was given and a piece is in float64.

    Example:
        >>> import keras
        >>> from kelbo.layers.precision import dtype_of_pieces
        >>> dtype_of_pieces([keras.layers.Dense(2, dtype="float64")], {"name": "flow"})
        {'name': 'flow', 'dtype': 'float64'}
    """
    layers = [piece for piece in pieces if isinstance(piece, keras.layers.Layer)]
    if kwargs.get("dtype") is None and any(each.compute_dtype == "float64" for each in layers):
        return {**kwargs, "dtype": "float64"}
    return kwargs


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
