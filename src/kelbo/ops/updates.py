"""Changes of state that are made only where a condition holds."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kelbo.ops.backends import backend
from kelbo.typing import Tensor


def update_if(
    condition: Tensor, update: Callable[[], Any], variables: Sequence[keras.Variable]
) -> None:
    """Runs a function that changes variables where a condition holds, in compiled code too.

    `keras.ops.cond` runs functions that return values; what they assign is lost on JAX.

    Args:
        condition: A boolean scalar, which may be known only when compiled code runs. Where it is
            false, the function costs nothing.
        update: Takes nothing; what it returns is ignored.
        variables: All variables that it changes.

    Raises:
        ValueError: It changes others; told on JAX, where that would be lost.

    Example:
        >>> import keras
        >>> from kelbo import ops
        >>> count = keras.Variable(0.0)
        >>> for condition in (True, False, True):
        ...     ops.update_if(condition, lambda: count.assign_add(1.0), [count])
        >>> float(count)
        2.0
    """
    backend.update_if(keras.ops.convert_to_tensor(condition), update, list(variables))
