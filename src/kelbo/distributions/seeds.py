"""Several draws from one seed."""

from typing import Any

import keras

from kelbo import ops


def several_seeds(seed: Any) -> ops.SeedSequence:
    """Seeds for several draws that differ, whatever `seed` is.

    Args:
        seed: An integer, a `keras.random.SeedGenerator`, an `ops.SeedSequence` or None.

    Returns:
        A sequence that is given as `seed` to each of the draws.

    Example:
        >>> import keras
        >>> from kelbo.distributions.seeds import several_seeds
        >>> seeds = several_seeds(3)
        >>> first, second = (keras.random.normal((), seed=seeds) for _ in range(2))
        >>> bool(first == second)
        False
    """
    return ops.SeedSequence(keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=seed))
