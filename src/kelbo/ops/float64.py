"""The functions of `keras.ops` that lose float64, mended.

Keras works out the dtype of a result by a rule that ends in "64 bits become 32" on every backend
but TensorFlow, also where the backend holds float64 (JAX with `jax_enable_x64`, PyTorch always).
So `keras.ops.cos` of a float64 array is float32 on JAX, and `keras.ops.matmul` on PyTorch. The
functions here go to `keras.ops` as they are, unless an argument is float64: then the last step of
the rule is left out for the length of the call, in the calling thread alone.

Kept: float64 and complex128 tensors, and the default dtype where `keras.config.floatx()` is
float64. A NumPy array, which is float64 by default, does not widen the float32 tensors it meets.
Symbolic `KerasTensor` arguments go to `keras.ops` unchanged. The namespaces `ops.numpy`,
`ops.linalg` and `ops.nn` are those of Keras and are not mended.
"""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops as keras_ops

from kelbo.keras_internals import replace_narrowing
from kelbo.ops.backends import backend
from kelbo.typing import Tensor

_call = threading.local()


def enable_float64() -> None:
    """Lets the backend make float64 arrays, from now on and in the whole process.

    TensorFlow and PyTorch make them always. JAX does when its flag `jax_enable_x64` is set, which
    this does: what asks for float64 by itself (`kelbo.gp`) calls it, so that nobody has to. Models
    in float32 stay in float32; what was compiled before is compiled once more. To keep JAX at 32
    bits, give such models `dtype="float32"`.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> ops.enable_float64()
        >>> keras.backend.standardize_dtype(ops.zeros((1,), dtype="float64").dtype)
        'float64'
    """
    backend.enable_float64()


class _NarrowingRule(dict):
    """Keras' table "64 bits become 32", which leaves float64 alone inside `float64_kept`."""

    def get(self, dtype: str, default: str | None = None) -> str | None:
        if getattr(_call, "keeps_float64", False) and dtype in ("float64", "complex128"):
            return dtype
        return super().get(dtype, default)


# Keras has no public switch for the rule.
replace_narrowing(_NarrowingRule)


@contextmanager
def float64_kept() -> Iterator[None]:
    """Within, and in this thread, Keras' type promotion does not turn float64 into float32."""
    before = getattr(_call, "keeps_float64", False)
    _call.keeps_float64 = True
    try:
        yield
    finally:
        _call.keeps_float64 = before


def has_float64(*arguments: Any) -> bool:
    """Whether a result of these arguments should be float64: see the module's rule."""
    if not backend.float64_enabled():
        return False
    wide_tensor = wide_array = narrow_tensor = False
    for argument in arguments:
        nested = argument.values() if isinstance(argument, dict) else argument
        for x in nested if isinstance(argument, list | tuple | dict) else (argument,):
            if isinstance(x, keras.KerasTensor):
                return False
            dtype = getattr(x, "dtype", None)
            if isinstance(x, np.ndarray | np.generic):
                wide_array = wide_array or dtype in backend.DOUBLE_DTYPES
            elif dtype in backend.DOUBLE_DTYPES:
                wide_tensor = True
            elif dtype is not None:
                narrow_tensor = narrow_tensor or "float" in str(dtype)
    if wide_tensor:
        return True
    return not narrow_tensor and (wide_array or keras.config.floatx() == "float64")


def _kept(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if not has_float64(*args, *kwargs.values()):
            return function(*args, **kwargs)
        with float64_kept():
            return function(*args, **kwargs)

    return wrapper


def _kept_by_default(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if kwargs.get("dtype") is None and has_float64(*args, *kwargs.values()):
            kwargs["dtype"] = "float64"
        return function(*args, **kwargs)

    return wrapper


def view_as_complex(x: Tensor) -> Any:
    """`keras.ops.view_as_complex`, with complex128 for float64.

    Args:
        x: A real tensor of shape (..., 2): real and imaginary parts.

    Returns:
        The complex tensor, of shape (...).

    Raises:
        ValueError: If the last axis has not the length 2.

    Example:
        >>> from kelbo import ops
        >>> ops.view_as_complex(ops.ones((3, 2))).shape
        (3,)
    """
    if not has_float64(x) or np.shape(x)[-1:] != (2,):
        return keras_ops.view_as_complex(x)
    x = keras_ops.cast(x, "complex128")
    return x[..., 0] + 1j * x[..., 1]


def _replaced(function, replacement):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        chosen = replacement if has_float64(*args, *kwargs.values()) else function
        return chosen(*args, **kwargs)

    return wrapper


def _with_exact_numbers(function):
    def exact(x):
        return keras_ops.convert_to_tensor(x, dtype="float64") if type(x) is float else x

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if has_float64(*args, *kwargs.values()):
            args = [exact(x) for x in args]
            kwargs = {name: exact(x) for name, x in kwargs.items()}
        return function(*args, **kwargs)

    return wrapper


mended = {"view_as_complex": view_as_complex}
for _name in backend.DEMOTED_OPS:
    if hasattr(keras_ops, _name):
        mended[_name] = _kept(getattr(keras_ops, _name))
for _name in backend.DEMOTED_BY_DEFAULT_OPS:
    mended[_name] = _kept_by_default(getattr(keras_ops, _name))
for _name, _replacement in backend.REPLACED_OPS.items():
    if hasattr(keras_ops, _name):
        mended[_name] = _replaced(getattr(keras_ops, _name), _replacement)
for _name in backend.NUMBER_ROUNDING_OPS:
    if hasattr(keras_ops, _name):
        mended[_name] = _with_exact_numbers(mended.get(_name, getattr(keras_ops, _name)))
globals().update(mended)

__all__ = sorted(mended)
