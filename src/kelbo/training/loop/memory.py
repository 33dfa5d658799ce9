"""Host memory that the device can share, kept from one fit to the next."""

from collections.abc import Sequence

import numpy as np

_ALIGNMENT = 64


class Memory:
    """Blocks of host memory for the data of a fit.

    JAX on a CPU shares memory that begins at a multiple of 64 bytes and copies other slowly; and
    memory that is new to the process costs more than the copy into it. The blocks of the last data
    are kept, so that a second fit of as much data only copies.
    """

    def __init__(self):
        self._spare: dict[int, np.ndarray] = {}

    def take(self, size: int) -> np.ndarray:
        """A block of `size` bytes that nothing else uses."""
        spare = self._spare.pop(size, None)
        if spare is not None:
            return spare
        block = np.empty(size + _ALIGNMENT, np.uint8)
        offset = -block.ctypes.data % _ALIGNMENT
        return block[offset : offset + size]

    def give_back(self, blocks: Sequence[np.ndarray]) -> None:
        """Says that nothing uses these blocks any more; they alone are kept."""
        self._spare = {block.nbytes: block for block in blocks}
