"""Whether two bijectors are the same map."""

import numpy as np

from kelbo import ops
from kelbo.bijectors.bijector import Bijector
from kelbo.typing import Tensor


def is_same_map(first: Bijector, second: Bijector) -> bool:
    """Whether two bijectors are known to be the same map.

    They are if they are one object, or of one class and made of the same parts: parameters with
    equal values (under `jit`, where values are not known, the same tensors), equal settings, the
    same functions and layers.

    Args:
        first: A bijector.
        second: Another one.

    Returns:
        False where it is not known.

    Example:
        >>> from kelbo.bijectors import Chain, Exp, Scale
        >>> from kelbo.bijectors.equality import is_same_map
        >>> is_same_map(Chain([Scale(2.0), Exp()]), Chain([Scale(2.0), Exp()]))
        True
    """
    return _is_same(first, second)


def _is_same(a: Tensor, b: Tensor) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Bijector):
        return _is_same(vars(a), vars(b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_is_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_is_same, a, b))
    if ops.is_tensor(a) or isinstance(a, np.ndarray):
        if not (ops.is_concrete(a) and ops.is_concrete(b)) or tuple(a.shape) != tuple(b.shape):
            return False
        return np.array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    return bool(a == b)
