"""Which axes of an example are rows, columns and channels of an image."""

from collections.abc import Sequence
from typing import Literal

Layout = Literal["grey", "channels_last", "channels_first"]

_CHANNELS = (1, 3)


def image_layout(event_shape: Sequence[int]) -> Layout | None:
    """The layout of an image, told by its shape.

    Args:
        event_shape: Shape of one example.

    Returns:
        "grey" for (H, W); "channels_last" for (H, W, 1) and (H, W, 3), and where both ends could be
        channels; "channels_first" for (1, H, W) and (3, H, W); None for what is no image.

    Example:
        >>> image_layout((28, 28)), image_layout((32, 32, 3)), image_layout((3, 32, 32))
        ('grey', 'channels_last', 'channels_first')
    """
    shape = tuple(event_shape)
    if len(shape) == 2:
        return "grey"
    if len(shape) != 3:
        return None
    if shape[-1] in _CHANNELS:
        return "channels_last"
    return "channels_first" if shape[0] in _CHANNELS else None


def layout_is_ambiguous(event_shape: Sequence[int]) -> bool:
    """Whether the first axis of a coloured image could be its channels as well as the last."""
    shape = tuple(event_shape)
    return len(shape) == 3 and shape[0] in _CHANNELS and shape[-1] in _CHANNELS
