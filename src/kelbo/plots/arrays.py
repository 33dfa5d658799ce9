"""What a person gives, checked and brought to the shape that a picture needs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kelbo import ops
from kelbo.datasets.layout import image_layout
from kelbo.errors import InputError
from kelbo.intake import as_array


def as_numbers(values: ArrayLike, name: str) -> np.ndarray:
    """An array of floating-point numbers.

    Args:
        values: what `kelbo.intake.as_array` takes.
        name: what to call it in an error.

    Returns:
        The values, as float32 or float64.

    Raises:
        InputError: the values are not real numbers.
    """
    try:
        array = ops.convert_to_numpy(as_array(values, name))
    except ValueError as error:
        raise InputError(str(error)) from None
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def as_rows(values: ArrayLike, name: str) -> np.ndarray:
    """An array of n rows of d numbers, n and d at least 1.

    Args:
        values: shape (n, d), or (n,) for d = 1.
        name: what to call it in an error.

    Returns:
        Shape (n, d).

    Raises:
        InputError: another shape, or no row.
    """
    array = as_numbers(values, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{name} must have shape (n, d) with n and d at least 1; got shape {np.shape(values)}."
        )
    return array


def as_events(values: ArrayLike, event_shape: Sequence[int] | None, name: str) -> np.ndarray:
    """An array of n events, each of the given shape.

    Args:
        values: shape (n, ...).
        event_shape: shape of one event, where it differs from `values.shape[1:]` (flattened
            images, for example); the number of its elements must agree.
        name: what to call it in an error.

    Returns:
        Shape (n, *event_shape), with a scalar event as shape (1,).

    Raises:
        InputError: the values have no axis of events, or do not fill the event shape.
    """
    array = as_numbers(values, name)
    if array.ndim == 0 or array.size == 0:
        raise InputError(
            f"{name} must have shape (n, ...) with at least one example; got shape {array.shape}."
        )
    shape = tuple(event_shape) if event_shape is not None else array.shape[1:]
    if np.prod(shape, dtype=int) * len(array) != array.size:
        raise InputError(
            f"{name} must fill the event shape {shape}, as ({len(array)}, "
            f"{', '.join(map(str, shape))}); got shape {array.shape}."
        )
    return array.reshape(len(array), *(shape or (1,)))


def as_images(images: ArrayLike, name: str) -> np.ndarray:
    """Images with values in [0, 1], clipped but never rescaled.

    Args:
        images: shape (n, H, W), (n, H, W, 1) or (n, H, W, 3); or, with channels first,
            (n, 1, H, W) or (n, 3, H, W).
        name: what to call it in an error.

    Returns:
        Shape (n, H, W) or (n, H, W, 3), float32.

    Raises:
        InputError: another shape, no image, values that are not finite, or integers above 1
            (bytes, which clipping would turn white).
    """
    array = as_numbers(images, name)
    layout = image_layout(array.shape[1:])
    if layout is None or 0 in array.shape:
        raise InputError(
            f"{name} must have shape (n, H, W), (n, H, W, 1) or (n, H, W, 3), or, with channels "
            f"first, (n, 1, H, W) or (n, 3, H, W); got shape {np.shape(images)}."
        )
    if layout == "channels_first":
        array = np.moveaxis(array, 1, -1)
    if layout != "grey" and array.shape[-1] == 1:
        array = array[..., 0]
    require_finite(array, name)
    if np.asarray(images).dtype.kind in "iu" and array.max() > 1:
        raise InputError(
            f"{name} must have values in [0, 1]; got integers up to {array.max():.0f}: "
            "divide bytes by 255."
        )
    return np.clip(array, 0.0, 1.0, dtype=np.float32)


def require_finite(array: np.ndarray, name: str) -> None:
    """Checks that no value is NaN or infinite.

    Args:
        array: numbers.
        name: what to call them in an error.

    Raises:
        InputError: some are; the message counts them.
    """
    unusable = array.size - np.count_nonzero(np.isfinite(array))
    if unusable:
        raise InputError(
            f"{name} must be finite; {unusable} of {array.size} values are NaN or infinite."
        )
