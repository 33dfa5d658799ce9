"""Draws of Student's t distributions, of numbers and of vectors."""

import math
from typing import Any

import numpy as np

from kelbo.ops import elementary as ops
from kelbo.ops.random.draws import log_gamma
from kelbo.typing import Tensor


def stretches(shape: tuple, df: Tensor, dtype: str, seed: Any) -> Tensor:
    r"""Draws of $\sqrt{\nu / (2 G)}$, by which a normal draw becomes one of Student's t.

    Args:
        shape: The shape of the result.
        df: $\nu$, broadcast to it.
        dtype: Floating dtype.
        seed: See `ops.random`.

    Returns:
        A tensor. What is too large for the dtype becomes a number that is finite when it is
        multiplied by a normal draw.
    """
    half = 0.5 * df
    log_draws = log_gamma(shape, half, dtype=dtype, seed=seed)
    highest = math.log(float(np.finfo(dtype).max)) - 4.0
    return ops.exp(ops.minimum(0.5 * (ops.log(half) - log_draws), highest))


def finite(draws: Tensor, dtype: str) -> Tensor:
    """Draws with the largest numbers of the dtype in the place of infinities."""
    largest = float(np.finfo(dtype).max)
    # Not by clip, which takes numbers for float32 on PyTorch.
    return ops.minimum(ops.maximum(draws, -largest), largest)
