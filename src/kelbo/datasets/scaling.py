"""The one numeric type of all data: float32."""

import numpy as np

from kelbo.errors import InputError


def to_float32(x: np.ndarray) -> np.ndarray:
    """Cast to float32; bytes (uint8) are scaled to [0, 1] by 1/255.

    Args:
        x: Numeric array that `check` has passed. Booleans become 0 and 1; integers and floats
            keep their values.

    Returns:
        float32 array; `x` itself where it is float32 already.

    Example:
        >>> import numpy as np
        >>> to_float32(np.array([0, 51, 255], "uint8"))
        array([0. , 0.2, 1. ], dtype=float32)
    """
    scaled = x.astype(np.float32, copy=False)
    if x.dtype == np.uint8:
        np.divide(scaled, np.float32(255), out=scaled)
    return scaled


def require_same_scale(x_train: np.ndarray, x_test: np.ndarray | None, name: str) -> None:
    """Raise unless both parts are bytes or neither is: else only one would be scaled.

    Args:
        x_train: Training examples as they stand in the file.
        x_test: Test examples as they stand in the file, or None.
        name: What to call them in the error.

    Raises:
        InputError: One part is uint8 and the other is not.

    Example:
        >>> import numpy as np
        >>> require_same_scale(np.zeros(3, "uint8"), np.zeros(3, "uint8"), "x")
    """
    if x_test is not None and (x_train.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise InputError(
            f"{name}: x_train is {x_train.dtype} but x_test is {x_test.dtype}; only uint8 is "
            "scaled to [0, 1], so save both with the same type"
        )
