"""How many draws of the weights of random layers a batch consists of."""

import contextlib
import contextvars
from collections.abc import Iterator

_DRAWS = contextvars.ContextVar("kelbo_weight_draws", default=None)


@contextlib.contextmanager
def weight_draws(draws: int) -> Iterator[None]:
    """Within, a batch is that many equal parts, each for one draw of the weights.

    Layers with random weights draw `draws` sets of them and apply each to its part.

    Args:
        draws: Number of parts, which must divide the batch.

    Yields:
        Nothing.

    Example:
        >>> from kelbo.layers.weight_draws import current_weight_draws, weight_draws
        >>> with weight_draws(3):
        ...     current_weight_draws()
        3
    """
    token = _DRAWS.set(draws)
    try:
        yield
    finally:
        _DRAWS.reset(token)


def current_weight_draws() -> int | None:
    """The number of draws that the batch consists of; None outside of `weight_draws`."""
    return _DRAWS.get()
