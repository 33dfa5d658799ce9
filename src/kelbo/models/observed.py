"""Data of which a mask says what is observed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kelbo import ops


def require_mask(owner: str, name: str, mask: Any, shape: tuple[int, ...]) -> None:
    """Refuses a mask that is none: of other values than 0 and 1, or of a shape that does not fit.

    Args:
        owner: Whose data it is of, for the error.
        name: Name of the part, for the error.
        mask: An array.
        shape: Shape of what is masked, of all examples.

    Raises:
        ValueError: It is.

    Example:
        >>> import numpy as np
        >>> from kelbo.models.observed import require_mask
        >>> require_mask("VAE", 'x["mask"]', np.ones((5, 1)), (5, 3))
    """
    given = tuple(mask.shape)
    fits = len(given) == len(shape) and all(
        size == whole or (place and size == 1)
        for place, (size, whole) in enumerate(zip(given[1:], shape[1:], strict=True), 1)
    )
    if not fits:
        sizes = ", ".join(["n", *(f"{size} or 1" for size in shape[1:])])
        raise ValueError(
            f"{owner}: {name} has the shape {given}; expected that of x, ({sizes}): True or 1 "
            "where x is observed."
        )
    values = ops.convert_to_numpy(mask)
    if values.dtype.kind != "b" and not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"{owner}: {name} reaches from {values.min():g} to {values.max():g}; expected "
            "booleans, or the numbers 0 and 1."
        )


def observed_entries(parts: Mapping[str, Any]) -> np.ndarray | None:
    """Which entries of all x are observed, as booleans; None where there is no mask.

    Args:
        parts: Arrays "x" and, where there is one, "mask".

    Returns:
        An array of the shape of x, which takes no memory of its own where the mask is broadcast.

    Example:
        >>> import numpy as np
        >>> from kelbo.models.observed import observed_entries
        >>> observed_entries({"x": np.zeros((2, 2)), "mask": np.array([[1], [0]])}).tolist()
        [[True, True], [False, False]]
    """
    if "mask" not in parts:
        return None
    return np.broadcast_to(ops.convert_to_numpy(parts["mask"]) != 0, tuple(parts["x"].shape))


def with_zeros(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parts, with 0 where x is not observed (what is missing may be NaN), a mask of x's shape.

    Args:
        parts: Tensors "x" and, where there is one, "mask", and any others.

    Returns:
        The same, with another x and mask where there is a mask.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.models.observed import with_zeros
        >>> x = ops.convert_to_tensor([[1.0, float("nan")]])
        >>> with_zeros({"x": x, "mask": ops.convert_to_tensor([[1.0, 0.0]])})["x"].tolist()
        [[1.0, 0.0]]
    """
    if "mask" not in parts:
        return dict(parts)
    x = parts["x"]
    mask = ops.broadcast_to(parts["mask"], ops.shape(x))
    return {**parts, "x": ops.where(ops.not_equal(mask, 0), x, ops.zeros_like(x)), "mask": mask}
