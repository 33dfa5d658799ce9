"""Memory that does not suffice, on whichever backend runs."""

from kelbo.ops.backends import backend


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory, on the host or on the device.

    Args:
        error: What was raised by NumPy, Python or the backend.

    Returns:
        True for `MemoryError` and for the backend's own errors of that kind.

    Example:
        >>> from kelbo import ops
        >>> ops.is_out_of_memory(MemoryError()), ops.is_out_of_memory(ValueError("x"))
        (True, False)
    """
    return isinstance(error, MemoryError) or backend.is_out_of_memory(error)
